// The backend that PowerSync's clients post their changes to: one SQL call.
import {createServer} from 'node:http';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';

const database = {user: process.env.PGUSER ?? 'todo_app', database: process.env.PGDATABASE ?? 'todos'};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`powersync: ${error.message}`));

// Who is asking? Other applications verify the token that PowerSync's clients have; here, everyone is who it says.
const userOf = token => /^Bearer ([\w-]+)$/.exec(token)?.[1] ?? null;

const {powersyncUpload} = createSync({pool, authenticate: request => userOf(request.headers.get('Authorization'))});

const upload = toNodeHandler(powersyncUpload);
const server = createServer((request, response) => {
  if (request.url === '/api/data') return upload(request, response);
  response.writeHead(404).end();
});
server.listen(Number(process.env.PORT ?? 8788), '127.0.0.1', () => console.log(`powersync: http://127.0.0.1:${server.address().port}`));
