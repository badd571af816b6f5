// The backend that PowerSync's clients post their changes to: one SQL call.
import express from 'express';
import pg from 'pg';

// Whoever waits for a row longer than this is told to come again, instead of holding a connection.
const pool = new pg.Pool({user: process.env.PGUSER ?? 'todo_app', database: process.env.PGDATABASE ?? 'todos', lock_timeout: 1000});
pool.on('error', error => console.error(`powersync: ${error.message}`));

const app = express();

// Who is asking? Other applications verify the token that PowerSync's clients have; here, everyone is who it says.
app.use((request, response, next) => {
  [, request.user] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization) ?? [];
  if (!request.user) return response.status(401).send('no token');
  next();
});

// The body goes to SQL as it came, and the answer back as it is: no number is rounded on the way. What was rejected for
// good is in the answer, and on record in replicache.mutation_error: that is 200, for an error would come back for ever.
app.post('/api/data', express.text({type: 'application/json', limit: '16mb'}), async (request, response) => {
  const call = 'SELECT replicache.powersync_upload($1, $2)::text AS answer';
  const {rows: [{answer}]} = await pool.query(call, [request.body ?? '', request.user]);
  response.type('json').send(answer);
});

// A malformed request stays malformed (22P02: not even JSON), a forbidden one forbidden. Anything else is an outage, to
// last as long as it does: the client keeps its changes and tries again.
const statuses = {22023: 400, '22P02': 400, 42501: 403};
app.use((error, request, response, next) => {
  console.error(`powersync: ${request.path}: ${error.message}`);
  response.status(error.status ?? statuses[error.code] ?? 500).send(error.message);
});

const server = app.listen(Number(process.env.PORT ?? 8788), '127.0.0.1', error => {
  if (error) throw error;
  console.log(`powersync: http://127.0.0.1:${server.address().port}`);
});
