// All that stands between the page and PostgreSQL: two SQL calls, and a stream of pokes.
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import express from 'express';
import pg from 'pg';

const database = {user: process.env.PGUSER ?? 'chat', database: process.env.PGDATABASE ?? 'chat', keepAlive: true};
const pool = new pg.Pool(database);
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

app.post('/api/push', async (request, response) => {
  const answer = await select('replicache.apply_push($1, $2)', request);
  response.status(JSON.parse(answer).halted ? 503 : 200).type('json').send(answer);
});

app.post('/api/pull', async (request, response) => {
  response.type('json').send(await select('replicache.pull($1, $2)', request));
});

async function select(call, {body = '', user}) {
  return (await pool.query(`SELECT ${call}::text AS answer`, [body, user])).rows[0].answer;
}

const pages = new Set();

app.get('/api/poke', (request, response) => {
  response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
  response.write('retry: 1000\n\n');
  pages.add(response);
  response.on('close', () => pages.delete(response));
});

function poke(version) {
  for (const page of pages) page.write(`data: ${version}\n\n`);
}

app.use(express.static(`${import.meta.dirname}/dist`));

// A malformed request stays malformed, a forbidden one forbidden; for anything else the client tries again.
app.use((error, request, response, next) => {
  console.error(`chat: ${request.path}: ${error.message}`);
  const status = error.status ?? (error.code === '42501' ? 403 : error.code?.startsWith('22') ? 400 : 503);
  response.status(status).send(error.message);
});

async function listen() {
  for (;;) {
    const session = new pg.Client(database);
    session.on('notification', ({payload}) => poke(payload));
    session.on('error', () => {});
    try {
      const ended = once(session, 'end');
      await Promise.race([ended, session.connect()]);
      await session.query('LISTEN replicache');
      poke('missed');
      await ended;
    } catch (error) {
      console.error(`chat: not listening: ${error.message}`);
    }
    session.end().catch(() => {});
    await sleep(1000);
  }
}

function serve(port) {
  const server = createServer(app);
  server.on('listening', () => console.log(`chat: http://127.0.0.1:${server.address().port}`));
  server.on('error', error => {
    if (error.code !== 'EADDRINUSE') throw error;
    serve(port + 1);
  });
  server.listen(port, '127.0.0.1');
}

listen();
serve(Number(process.env.PORT ?? 8787));
