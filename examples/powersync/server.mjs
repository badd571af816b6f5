// The backend that PowerSync's clients post their changes to: one SQL call.
import express from 'express';
import pg from 'pg';
import {retrying, send, statusOf} from '../http.mjs';

const database = {user: process.env.PGUSER ?? 'todo_app', database: process.env.PGDATABASE ?? 'todos'};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`powersync: ${error.message}`));

const app = express();
const fail = (response, status, message) => send(response, status, 'json', JSON.stringify({message}));

// Who is asking? Other applications verify the token that PowerSync's clients have; here, everyone is who it says.
app.use((request, response, next) => {
  [, request.user] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization) ?? [];
  if (!request.user) return fail(response, 401, 'no token');
  next();
});

// The body goes to SQL as it came, and the answer back as it is: no number is rounded on the way. What was rejected for
// good is in the answer, and on record in replicache.mutation_error: that is 200, for an error would come back for ever.
app.post('/api/data', express.text({type: 'application/json', limit: '16mb'}), async (request, response) => {
  if (request.body === undefined) return fail(response, 415, 'application/json is wanted');
  const call = 'SELECT replicache.powersync_upload($1, $2)::text AS answer';
  const {rows: [{answer}]} = await retrying(() => pool.query(call, [request.body, request.user]));
  send(response, 200, 'json', answer);
});

// Nothing stands. A malformed request stays malformed, a forbidden one forbidden. Anything else is an outage, to last as long as it
// does: the client keeps its changes and tries again.
app.use((error, request, response, next) => {
  console.error(`powersync: ${request.path}: ${error.message}`);
  const status = statusOf(error);
  fail(response, status, status < 500 ? error.message : 'try again later');
});

const server = app.listen(Number(process.env.PORT ?? 8788), '127.0.0.1', error => {
  if (error) throw error;
  console.log(`powersync: http://127.0.0.1:${server.address().port}`);
});
