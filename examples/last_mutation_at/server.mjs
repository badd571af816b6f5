// GET and POST /v1/sync: one SQL call each, whose status, head and body are the answer.
import {createServer} from 'node:http';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';

const database = {user: process.env.PGUSER ?? 'notes_app', database: process.env.PGDATABASE ?? 'notes'};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`sync: ${error.message}`));

// Who is asking? Other applications verify the token; here, everyone is who it says.
const userOf = token => /^Bearer ([\w-]+)$/.exec(token)?.[1] ?? null;

const {lastMutationAt} = createSync({pool, authenticate: request => userOf(request.headers.get('Authorization'))});

const sync = toNodeHandler(lastMutationAt);
const server = createServer((request, response) => {
  if (new URL(request.url, 'http://localhost').pathname === '/v1/sync') return sync(request, response);
  response.writeHead(404).end();
});
server.listen(Number(process.env.PORT ?? 8789), '127.0.0.1', () => console.log(`sync: http://127.0.0.1:${server.address().port}`));
