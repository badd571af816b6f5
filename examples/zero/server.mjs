// All that stands between zero-cache and PostgreSQL: a mutate endpoint and a query endpoint, one SQL call each.
import express from 'express';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';

const {PGUSER: user = 'zero_chat', PGPASSWORD: password = 'zero_chat', PGDATABASE: database = 'zero_chat'} = process.env;
const pool = new pg.Pool({user, password, database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`chat: ${error.message}`));

// Who is asking? zero-cache hands on the token of the page. Other applications verify it; here, everyone is who it says.
const userOf = token => /^Bearer ([\w-]+)$/.exec(token)?.[1] ?? null;

// Only zero-cache knows the key. Without it, anybody could push under the ids of other people's clients.
function authenticate(request) {
  const key = process.env.ZERO_API_KEY;
  if (!key || request.headers.get('X-Api-Key') !== key) return new Response('this is for zero-cache', {status: 403});
  return userOf(request.headers.get('Authorization'));
}

const sync = createSync({pool, authenticate});

const app = express().use(express.static(`${import.meta.dirname}/dist`));
app.post('/api/mutate', toNodeHandler(sync.zeroMutate));
app.post('/api/query', toNodeHandler(sync.zeroQuery));

const server = app.listen(Number(process.env.PORT ?? 8789), '127.0.0.1', error => {
  if (error) throw error;
  console.log(`chat: http://127.0.0.1:${server.address().port}`);
});
