// GET and POST /v1/sync: one SQL call each, whose status, head and body are the answer.
import express from 'express';
import pg from 'pg';
import {retrying, send, statusOf} from '../http.mjs';

const database = {user: process.env.PGUSER ?? 'notes_app', database: process.env.PGDATABASE ?? 'notes'};
const pool = new pg.Pool({...database, lock_timeout: 2_000, connectionTimeoutMillis: 5_000});
pool.on('error', error => console.error(`sync: ${error.message}`));

const app = express();
const codes = {401: 'UnauthorizedError', 403: 'ForbiddenError', 422: 'ValidationError', 500: 'InternalServerError', 503: 'ServiceUnavailableError'};
const fail = (response, status, message) =>
  send(response, status, 'json', JSON.stringify({success: false, error: {code: codes[status] ?? 'RequestError', message}}));

// Who is asking? Other applications verify the token; here, everyone is who it says.
app.use((request, response, next) => {
  [, request.user] = /^Bearer ([\w-]+)$/.exec(request.headers.authorization) ?? [];
  if (!request.user) return fail(response, 401, 'Missing token');
  next();
});

async function answer(response, call, parameters) {
  const text = `SELECT status, mutation_at, body::text FROM replicache.${call}`;
  const {rows: [{status, mutation_at, body}]} = await retrying(() => pool.query(text, parameters));
  if (mutation_at !== null) response.set('X-Mutation-At', mutation_at);
  send(response, status, 'json', body);
}

// A parameter of the query, or what it is when it is left out.
class Invalid extends Error { status = 422; }
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
  if (request.body === undefined) return fail(response, 415, 'application/json is wanted');
  const since = parameter(request, 'lastMutationAt', timestamp);
  await answer(response, 'sync_push($1, $2, $3)', [request.body, since, request.user]);
});

// What is raised, nothing of stands. What is malformed, the protocol calls invalid.
app.use((error, request, response, next) => {
  console.error(`sync: ${request.path}: ${error.message}`);
  const status = {400: 422}[statusOf(error)] ?? statusOf(error);
  fail(response, status, status < 500 ? error.message : 'Try again later');
});

const server = app.listen(Number(process.env.PORT ?? 8789), '127.0.0.1', error => {
  if (error) throw error;
  console.log(`sync: http://127.0.0.1:${server.address().port}`);
});
