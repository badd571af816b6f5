// All that stands between the page and PostgreSQL: two SQL calls, and a stream of pokes.
import express from 'express';
import pg from 'pg';
import {retrying, send, statusOf} from '../http.mjs';
import {pokes, serve} from '../pokes.mjs';

const options = process.env.PGOPTIONS ?? '-c replicache.page_size=1MB'; // long answers have pages
const database = {user: process.env.PGUSER ?? 'todo_web', database: process.env.PGDATABASE ?? 'todo', options, keepAlive: true};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`todo: ${error.message}`));

const app = express().use(express.static(`${import.meta.dirname}/dist`));

// Who is asking? Other applications let their users log in; here, everyone is who their cookie says.
app.use((request, response, next) => {
  [, request.user] = /(?:^|; )user=([\w-]+)/.exec(request.headers.cookie) ?? [];
  request.user ? next() : response.status(401).send('no cookie');
});

// The body goes to SQL as it came, and the answer back as it is: no number is rounded on the way.
const sync = sql => [express.text({type: 'application/json', limit: '16mb'}), async (request, response) => {
  if (request.body === undefined) return send(response, 415, 'text', 'application/json is wanted');
  const {rows: [[answer, halted]]} = await retrying(() => pool.query({text: sql, values: [request.body, request.user], rowMode: 'array'}));
  send(response, halted ? 503 : 200, 'json', answer);
}];
app.post('/api/push', sync("SELECT a::text, a ->> 'halted' FROM replicache.apply_push($1, $2) a"));
app.post('/api/pull', sync('SELECT replicache.pull($1, $2)::text'));
app.get('/api/poke', pokes(() => new pg.Client(database), 'todo'));

app.use((error, request, response, next) => {
  console.error(`todo: ${request.path}: ${error.message}`);
  const status = statusOf(error);
  send(response, status, 'text', status < 500 ? error.message : 'try again later');
});

serve(app, 'todo', Number(process.env.PORT ?? 8789));
