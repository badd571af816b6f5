// All that stands between the page and PostgreSQL: push, pull, and a stream of what has changed.
import {randomUUID} from 'node:crypto';
import express from 'express';
import pg from 'pg';
import {fanout} from '../fanout.mjs';
import {retrying, send, statusOf} from '../http.mjs';
import {serve} from '../pokes.mjs';

const database = {user: process.env.PGUSER ?? 'chat', database: process.env.PGDATABASE ?? 'chat', keepAlive: true};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`chat: ${error.message}`));

const app = express();

// Who is asking? Other applications let their users log in; here, everyone is who their cookie says.
app.use((request, response, next) => {
  [, request.user] = /(?:^|; )user=([\w-]+)/.exec(request.headers.cookie) ?? [];
  if (!request.user && request.path === '/')
    response.cookie('user', randomUUID(), {httpOnly: true, sameSite: 'lax', maxAge: 365 * 24 * 3600 * 1000});
  if (!request.user && request.path.startsWith('/api/')) return response.status(401).send('no cookie');
  next();
});

// The body goes to SQL as it came, and the answer back as it is: no number is rounded on the way.
app.use(express.text({type: 'application/json', limit: '16mb'}));

const sync = sql => async (request, response) => {
  if (request.body === undefined) return send(response, 415, 'text', 'application/json is wanted');
  const {rows: [[answer, halted, cookie]]} = await retrying(() => pool.query({text: sql, values: [request.body, request.user], rowMode: 'array'}));
  response.locals.cookie = cookie;
  send(response, halted ? 503 : 200, 'json', answer);
};
app.post('/api/push', sync("SELECT a::text, a ->> 'halted' FROM replicache.apply_push($1, $2) a"));

const pages = fanout(pool, () => new pg.Client(database), 'chat');
app.post('/api/pull', pages.pull, sync("SELECT a::text, NULL, a ->> 'cookie' FROM replicache.pull($1, $2) a"));
app.get('/api/poke', pages.stream);
app.use(express.static(`${import.meta.dirname}/dist`));

app.use((error, request, response, next) => {
  console.error(`chat: ${request.path}: ${error.message}`);
  const status = statusOf(error);
  send(response, status, 'text', status < 500 ? error.message : 'try again later');
});

serve(app, 'chat', Number(process.env.PORT ?? 8787));
