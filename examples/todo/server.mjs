// All that stands between the page and PostgreSQL: push, pull, and a stream of pokes.
import express from 'express';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';
import {serve} from '../serve.mjs';

const options = process.env.PGOPTIONS ?? '-c replicache.page_size=1MB'; // long answers have pages
const database = {user: process.env.PGUSER ?? 'todo_web', database: process.env.PGDATABASE ?? 'todo', options, keepAlive: true};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`todo: ${error.message}`));

// Who is asking? Other applications let their users log in; here, everyone is who their cookie says.
const userOf = cookie => /(?:^|; )user=([\w-]+)/.exec(cookie)?.[1] ?? null;

// Each user sees other lists, so one answer would be for few pages: they pull.
const sync = createSync({pool, authenticate: request => userOf(request.headers.get('Cookie')), events: {answers: false}});

const app = express().use(express.static(`${import.meta.dirname}/dist`));
app.post('/api/push', toNodeHandler(sync.push));
app.post('/api/pull', toNodeHandler(sync.pull));
app.get('/api/poke', toNodeHandler(sync.events));

serve(app, 'todo', Number(process.env.PORT ?? 8789));
