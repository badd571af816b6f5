// The chat of ../../replicache on several servers: pushes go to the primary, pulls to a standby.
import {randomUUID} from 'node:crypto';
import express from 'express';
import {createSync, toNodeHandler} from 'replicache-ext';
import {serve} from '../../serve.mjs';
import {servers} from './servers.mjs';

const options = {max: 10, keepAlive: true, lock_timeout: 2_000, connectionTimeoutMillis: 2_000};
const primary = servers(process.env.DATABASE, 'primary', options);
const standby = servers(process.env.DATABASE, 'standby', options);

const userOf = cookie => /(?:^|; )user=([\w-]+)/.exec(cookie)?.[1] ?? null;

const sync = createSync({
  pool: primary,
  replica: standby,
  listen: primary.session,
  authenticate: request => userOf(request.headers.get('Cookie')),
  events: {answers: false}, // so that pages pull, from the standby
});

const app = express();
app.post('/api/push', toNodeHandler(sync.push));
app.post('/api/pull', toNodeHandler(sync.pull));
app.get('/api/poke', toNodeHandler(sync.events));

app.get('/', (request, response, next) => {
  if (!userOf(request.headers.cookie)) response.cookie('user', randomUUID(), {httpOnly: true, sameSite: 'lax', maxAge: 365 * 24 * 3600 * 1000});
  next();
});
app.use(express.static(`${import.meta.dirname}/../../replicache/dist`));

serve(app, 'chat', Number(process.env.PORT ?? 8787));
