// The published client while its space moves from shard to shard, with a cookie of each clock: it goes on, and never pulls everything again.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {describe, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {Replicache} from 'replicache';
import {createSync, toNodeHandler} from 'replicache-ext';
import {eventually as waitFor} from '../../../node/test/harness.mjs';
import {closing, pool, run, skip} from './harness.mjs';

const [router, directory] = [pool(process.env.ROUTER), pool(process.env.ROUTER, 'postgres')];
const owners = (process.env.SHARDS ?? '').split(' ').map(url => pool(url, 'postgres'));

/** The backend: the handlers of the package, on the router. The header says the space. A page that may not see it would be refused here. */
async function backend() {
  const space = request => request.headers.get('x-space');
  const sync = createSync({pool: router, authenticate: request => request.headers.get('x-user'), space, log: () => {}});
  const handlers = {'/push': sync.push, '/pull': sync.pull};
  const server = createServer((request, response) => toNodeHandler(handlers[request.url])(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing({end: () => (server.close(), server.closeAllConnections(), sync.close())});
  return `http://127.0.0.1:${server.address().port}`;
}

/** A client of the room. `seen` has the statuses of its requests, and how many of its pulls began anew. */
function open(url, space, user) {
  const seen = {statuses: {}, anew: 0};
  const post = async (path, body) => {
    const response = await fetch(url + path, {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': 'application/json', 'x-user': user, 'x-space': space}});
    seen.statuses[`${path} ${response.status}`] = (seen.statuses[`${path} ${response.status}`] ?? 0) + 1;
    const answer = await response.text();
    return {httpRequestInfo: {httpStatusCode: response.status, errorMessage: response.ok ? '' : answer}, response: response.ok ? JSON.parse(answer) : undefined};
  };
  const rep = new Replicache({
    name: randomUUID(), kvStore: 'mem', licenseKey: 'l00000000000000000000000000000000', logSinks: [], pullInterval: 200, pushDelay: 1,
    requestOptions: {minDelayMs: 10, maxDelayMs: 100},
    mutators: {say: (tx, {content}) => tx.set(`said/${content}`, {content})},
    pusher: async body => ({httpRequestInfo: (await post('/push', body)).httpRequestInfo}),
    puller: async body => {
      const pulled = await post('/pull', body);
      if (body.cookie !== null && pulled.response?.patch?.[0]?.op === 'clear') seen.anew++;
      return pulled;
    },
  });
  closing({end: () => rep.close()});
  const messages = async () => (await rep.query(tx => tx.scan({prefix: 'message/'}).values().toArray())).map(({content}) => content).sort();
  return {rep, seen, messages};
}

/** The servers of all three tests share the machine. */
const eventually = check => waitFor(check, 120_000);

describe('the published client', {concurrency: true}, () => {
  for (const [clock, anew] of [['counter', false], ['time', false], ['transaction', true]]) {
    test(`pushes and pulls while its space, with the clock ${clock}, moves`, {skip}, async t => {
      const url = await backend();
      const space = `room/${clock} ${randomUUID()}`;
      const shardOf = async () => (await directory.query('SELECT shard.of_space($1) AS shard', [space])).rows[0].shard;
      await owners[await shardOf()].query('SELECT replicache.create_space($1, $2)', [space, clock]);
      const clients = ['ann', 'ben', 'cora'].map(user => open(url, space, user));

      const said = [];
      let moving = true;
      t.after(() => (moving = false));
      const talk = async ({rep}, i) => {
        await rep.clientGroupID; // it is ready
        for (let n = 0; moving; await sleep(50)) {
          if ((await rep.experimentalPendingMutations()).length > 5) continue; // the machine is busy, or the space is held
          said.push(`${i}.${n}`);
          await rep.mutate.say({content: `${i}.${n++}`});
        }
      };
      const talks = clients.map(talk);
      await eventually(async () => {
        for (const {messages} of clients) assert.ok((await messages()).length > 10);
      });
      for (const {seen} of clients) seen.anew = 0;
      const moves = 2; // there and back
      for (let n = 0; n < moves; n++) {
        const {status, out, err} = await run('./move', [String(1 - await shardOf()), space]);
        assert.equal(status, 0, out + err);
      }
      moving = false;
      await Promise.all(talks);

      const all = said.sort();
      for (const {rep, seen, messages} of clients) {
        await eventually(async () => assert.deepEqual(await rep.experimentalPendingMutations(), []));
        await eventually(async () => assert.deepEqual(await messages(), all));
        assert.deepEqual(Object.keys(seen.statuses).filter(status => !/ (200|503)$/.test(status)), [], JSON.stringify(seen.statuses));
        if (!anew) assert.equal(seen.anew, 0, 'no second complete pull');
        else assert.ok(seen.anew <= moves, `${seen.anew} complete pulls`);
      }
      assert.ok(clients.some(({seen}) => seen.statuses['/push 503']), 'somebody was told to come again');
      const stored = await Promise.all(owners.map(owner => owner.query('SELECT content FROM message WHERE room = $1', [space.slice('room/'.length)])));
      const here = await shardOf();
      assert.deepEqual([stored[here].rows.map(({content}) => content).sort(), stored[1 - here].rows], [all, []]);
    });
  }
});
