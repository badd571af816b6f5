// All that stands between the page and PostgreSQL: push, pull, and a stream of what has changed.
import {randomUUID} from 'node:crypto';
import express from 'express';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';
import {serve} from '../serve.mjs';

const database = {user: process.env.PGUSER ?? 'chat', database: process.env.PGDATABASE ?? 'chat', keepAlive: true};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`chat: ${error.message}`));

// Who is asking? Other applications let their users log in; here, everyone is who their cookie says.
const userOf = cookie => /(?:^|; )user=([\w-]+)/.exec(cookie)?.[1] ?? null;

const sync = createSync({pool, authenticate: request => userOf(request.headers.get('Cookie'))});

const app = express();
app.post('/api/push', toNodeHandler(sync.push));
app.post('/api/pull', toNodeHandler(sync.pull));
app.get('/api/poke', toNodeHandler(sync.events));

app.get('/', (request, response, next) => {
  if (!userOf(request.headers.cookie)) response.cookie('user', randomUUID(), {httpOnly: true, sameSite: 'lax', maxAge: 365 * 24 * 3600 * 1000});
  next();
});
app.use(express.static(`${import.meta.dirname}/dist`));

serve(app, 'chat', Number(process.env.PORT ?? 8787));
