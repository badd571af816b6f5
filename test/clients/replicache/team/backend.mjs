// The backend of docs/guides/team_app.md.
import {createServer} from 'node:http';
import pg from 'pg';
import {createSync, toNodeHandler} from 'replicache-ext';

/** `pool` connects as the role web. `authenticate` gives the id of the user of a request, or null. */
export function createBackend(pool, authenticate) {
  const sync = createSync({pool, authenticate, space});
  let session, closed = false;

  // ?team=… asks for the space of that team. Without it, it is the space '', where each user finds their teams.
  async function space(request, user) {
    const team = new URL(request.url).searchParams.get('team');
    if (team === null) return '';
    const {rowCount} = await pool.query('SELECT FROM member WHERE team_id = $1 AND user_id = $2', [team, user]);
    return rowCount === 1 ? `team/${team}` : new Response('you are not in this team', {status: 403});
  }

  // Who has left a team hears nothing of it any more, whichever backend their pages are connected to.
  async function listen() {
    if (closed) return;
    session = new pg.Client(pool.options);
    session.on('error', () => {});
    session.once('end', () => setTimeout(listen, 1_000).unref());
    session.on('notification', ({payload}) => sync.disconnect(JSON.parse(payload)));
    try {
      await session.connect();
      await session.query('LISTEN team_left');
      sync.disconnect({}); // somebody may have left while nobody listened
    } catch (error) {
      console.error(`LISTEN: ${error.message}`);
      await session.end();
    }
  }

  const handlers = {'/push': sync.push, '/pull': sync.pull, '/events': sync.events};
  const server = createServer((request, response) => {
    const handler = handlers[request.url.split('?')[0]];
    handler ? toNodeHandler(handler)(request, response) : response.writeHead(404).end();
  });

  const close = async () => {
    closed = true;
    server.close();
    await Promise.all([session?.end(), sync.close()]);
  };
  return {server, ready: listen(), close};
}
