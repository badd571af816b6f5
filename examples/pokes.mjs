// What every server of a page does alike: a stream of pokes, and a free port. docs/pokes.md says what a poke is.
import {once} from 'node:events';
import {createServer} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';

/** A handler that streams pokes to pages. `connect` makes a client of the database, not yet connected. */
export function pokes(connect, name) {
  const pages = new Set();

  // Everybody is in one space here. Where there are several, {"space":null} still means everybody.
  const poke = version => pages.forEach(page => page.write(`data: ${version}\n\n`));

  listen(connect, name, poke);
  return (request, response) => {
    pages.add(begin(response));
    response.on('close', () => pages.delete(response));
  };
}

/** Begin a stream of server-sent events. */
export function begin(response) {
  response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
  response.write('retry: 1000\n\n');
  return response;
}

/** Call `poke` whenever something has changed, or may have changed. */
export async function listen(connect, name, poke) {
  for (;;) {
    const session = connect();
    session.on('notification', ({payload}) => poke(payload));
    session.on('error', () => {});
    try {
      const ended = once(session, 'end');
      await Promise.race([ended, session.connect()]);
      await session.query('LISTEN replicache');
      poke('missed');
      await ended;
    } catch (error) {
      console.error(`${name}: not listening: ${error.message}`);
    }
    session.end().catch(() => {});
    await sleep(1000);
  }
}

/** Serve at this port, or at the next one that is free. */
export function serve(app, name, port) {
  const server = createServer(app);
  server.on('listening', () => console.log(`${name}: http://127.0.0.1:${server.address().port}`));
  server.on('error', error => {
    if (error.code !== 'EADDRINUSE') throw error;
    serve(app, name, port + 1);
  });
  server.listen(port, '127.0.0.1');
}
