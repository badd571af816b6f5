// GET and POST /v1/sync: one SQL call each, whose status, head and body are the answer.
import express from 'express';
import pg from 'pg';

const pool = new pg.Pool({user: process.env.PGUSER ?? 'notes_app', database: process.env.PGDATABASE ?? 'notes', lock_timeout: 5000});
pool.on('error', error => console.error(`sync: ${error.message}`));

const app = express();
const fail = (response, status, code, message) => response.status(status).json({success: false, error: {code, message}});

// Who is asking? Other applications verify the token; here, everyone is who it says.
app.use((request, response, next) => {
  [, request.user] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization) ?? [];
  if (!request.user) return fail(response, 401, 'UnauthorizedError', 'Missing token');
  next();
});

async function answer(response, call, parameters) {
  const {rows: [{status, mutation_at, body}]} = await pool.query(`SELECT status, mutation_at, body::text FROM replicache.${call}`, parameters);
  if (mutation_at !== null) response.set('X-Mutation-At', mutation_at);
  response.status(status).type('json').send(body);
}

// A parameter of the query, or what it is when it is left out.
class Invalid extends Error {}
function parameter({query}, name, form, otherwise) {
  const text = query[name] ?? otherwise;
  if (!form.test(text)) throw new Invalid(`${text === undefined ? 'Missing' : 'Invalid'} ${name}`);
  return text;
}
const timestamp = /^(-1|\d{1,18})$/;

app.get('/v1/sync', async (request, response) => {
  const since = parameter(request, 'mutationsSince', timestamp);
  const resources = request.query.resources === undefined ? null : parameter(request, 'resources', /^\w+(,\w+)*$/).split(',');
  const metadataOnly = parameter(request, 'metadataOnly', /^(true|false)$/, 'false');
  const page = parameter(request, 'page', /^[1-9]\d{0,8}$/, '1');
  const limit = parameter(request, 'limit', /^([1-9]\d{0,2}|1000)$/, '100');
  await answer(response, 'sync_pull($1, $2, $3, $4, $5, $6)', [since, request.user, resources, metadataOnly, page, limit]);
});

// The body goes to SQL as it came: no number is rounded on the way.
app.post('/v1/sync', express.text({type: 'application/json', limit: '16mb'}), async (request, response) => {
  const since = parameter(request, 'lastMutationAt', timestamp);
  await answer(response, 'sync_push($1, $2, $3)', [request.body ?? '', since, request.user]);
});

// What is raised, nothing of stands. Values that their columns do not take, and what is not even JSON, are the client's fault.
app.use((error, request, response, next) => {
  if (error instanceof Invalid || /^2[23]/.test(error.code)) return fail(response, 422, 'ValidationError', error.message);
  console.error(`sync: ${request.path}: ${error.message}`);
  if (error.code === '42501') return fail(response, 403, 'ForbiddenError', error.message);
  fail(response, error.status ?? 500, 'InternalServerError', error.status ? error.message : 'Try again later');
});

const server = app.listen(Number(process.env.PORT ?? 8789), '127.0.0.1', error => {
  if (error) throw error;
  console.log(`sync: http://127.0.0.1:${server.address().port}`);
});
