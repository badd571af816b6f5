// The handlers behind each framework.
import {once} from 'node:events';
import {createServer} from 'node:http';
import {after, before, describe} from 'node:test';
import {serve} from '@hono/node-server';
import express from 'express';
import {Hono} from 'hono';
import {createSync, toNodeHandler} from 'replicache-ext';
import {example} from '../../example.mjs';
import {behaves, database} from './suite.mjs';

let db, sync;

before(async () => {
  db = await database(`frameworks_test_${process.pid}`);
  sync = createSync({pool: db.pool, authenticate: request => request.headers.get('x-user'), log: () => {}});
});

after(async () => {
  await sync.close();
  await db.drop();
});

/** Next calls the functions that a route exports with its own class of requests, and with a context. It sends what they give. */
class NextRequest extends Request {
  nextUrl = new URL(this.url);
  cookies = new Map();
}
const nextRoutes = () => ({'/push': {POST: sync.push}, '/pull': {POST: sync.pull}, '/events': {GET: sync.events}});

/** Each gives a server that is not listening yet, or the URL of one that is. */
const frameworks = {
  http: () => createServer((request, response) => {
    const handler = {'/push': sync.push, '/pull': sync.pull, '/events': sync.events}[request.url.split('?')[0]];
    toNodeHandler(handler)(request, response);
  }),
  Express: async () => {
    const router = express.Router(); // handlers see the whole path, wherever they are mounted
    await example('node/README.md', '**Express.**', {app: router, sync, toNodeHandler});
    return createServer(express().use('/', router));
  },
  Hono: async () => {
    const app = new Hono();
    await example('node/README.md', '**Hono.**', {app, sync});
    return new Promise(resolve => {
      const server = serve({fetch: app.fetch, port: 0, hostname: '127.0.0.1'}, () => resolve(server));
    });
  },
  'the routes of Next': () => createServer(toNodeHandler(async request => {
    const route = nextRoutes()[new URL(request.url).pathname];
    return route[request.method](new NextRequest(request, {signal: request.signal}), {params: Promise.resolve({})});
  })),
};

for (const [title, start] of Object.entries(frameworks)) {
  describe(title, () => {
    let server;

    before(async () => {
      server = await start();
      if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
    });

    behaves(() => `http://127.0.0.1:${server.address().port}`, () => db.pool);

    after(() => {
      server.close();
      server.closeAllConnections?.();
    });
  });
}
