import assert from 'node:assert/strict';
import pg from 'pg';
import {example} from '../../example.mjs';
import {converge, deferred, eventually, scenario, settle, view} from './harness.mjs';

/** Collects notifications; `heard` gives those that came since it was asked last. */
async function listen(database) {
  const session = new pg.Client({database: database.name});
  let pokes = [];
  let fence = deferred();
  session.on('notification', ({channel, payload}) => {
    if (channel === 'fence') fence.resolve();
    else pokes.push(JSON.parse(payload));
  });
  await session.connect();
  await session.query('LISTEN replicache; LISTEN fence');
  return {
    // A poke can come after the reply to the commit. When none waits, notifications arrive in order: nothing comes after the fence.
    async heard() {
      await eventually(async () => {
        const [{value}] = await database.rows(`SELECT value FROM replicache.status() WHERE topic = 'pokes_waiting'`);
        assert.equal(Number(value), 0);
      });
      await database.rows('NOTIFY fence');
      await fence.promise;
      fence = deferred();
      return pokes.splice(0);
    },
    close: () => session.end(),
  };
}

scenario('one poke per push, none for a duplicate', {rejects: ['refuse']}, async ({database, backend, open}) => {
  const client = open();
  await settle(client);
  const ear = await listen(database);
  try {
    backend.offline = true;
    for (let i = 0; i < 3; i++) await client.mutate.countUp({id: `n${i}`});
    await backend.forget();
    backend.offline = false;
    await settle(client);
    const [{body, answer}] = backend.pushes;
    assert.equal(answer.applied, 3);
    assert.deepEqual(await ear.heard(), [{space: '', version: answer.version}]);

    const again = await backend.pusher(body);
    assert.equal(again.httpRequestInfo.httpStatusCode, 200);
    assert.equal(backend.pushes.at(-1).answer.skipped, 3);
    assert.equal(backend.pushes.at(-1).answer.version, answer.version);
    assert.deepEqual(await ear.heard(), []);

    await client.mutate.refuse({id: 'n'});
    await settle(client);
    assert.equal((await ear.heard()).length, 1, 'a rejection has to be pulled, too');

    await client.pull({now: true});
    await database.rows('SELECT 1');
    assert.deepEqual(await ear.heard(), []);
  } finally {
    await ear.close();
  }
});

scenario('a poke comes with direct writes, once per transaction and not before the commit', {}, async ({database, open}) => {
  const client = open();
  const ear = await listen(database);
  const session = await database.owner.connect();
  try {
    await session.query(`BEGIN; INSERT INTO note VALUES ('a', ''); INSERT INTO note VALUES ('b', '')`);
    assert.deepEqual(await ear.heard(), []);
    await session.query(`UPDATE note SET body = 'x'; COMMIT`);
    const pokes = await ear.heard();
    assert.equal(pokes.length, 1);
    await converge(database, client);

    await session.query(`BEGIN; DELETE FROM note; ROLLBACK`);
    assert.deepEqual(await ear.heard(), []);
  } finally {
    session.release();
    await ear.close();
  }
});

scenario('a client that pulls at every poke follows along', {}, async ({database, open}) => {
  const [writer, reader] = [open(), open()];
  await settle(writer, reader);
  const session = new pg.Client({database: database.name});
  await session.connect();
  session.on('notification', () => reader.pull().catch(() => {}));  // the last one may find the client closed
  await session.query('LISTEN replicache');
  try {
    const {promise, resolve} = deferred();
    reader.subscribe(tx => tx.get('note/n'), note => note?.count === 20 && resolve());
    for (let i = 0; i < 20; i++) await writer.mutate.countUp({id: 'n'});
    await promise;
  } finally {
    await session.end();
  }
});

scenario('what docs/replicache_pull.md makes of an answer of pull_for', {}, async ({database, backend, open}) => {
  const {keyOf, pokeOf} = await example('docs/replicache_pull.md', 'After a failover, only that one', {}, '{keyOf, pokeOf}');
  const clients = [open(), open(), open()];
  for (const client of clients) await client.mutate.countUp({id: 'n'});
  for (const client of clients) await settle(client);
  for (const client of clients) await client.pull({now: true});
  const cookies = new Map(backend.pulls.map(({body, answer}) => [body.clientGroupID, answer.cookie]));  // the last of each
  assert.equal(new Set([...cookies.values()].map(keyOf)).size, 1);
  assert.equal(new Set([...cookies.values()].map(cookie => JSON.stringify(cookie))).size, 3);
  await backend.forget();

  await database.rows(`UPDATE note SET body = 'new'`);
  const groups = await Promise.all(clients.map(client => client.clientGroupID));
  const [{answer}] = await database.rows('SELECT replicache.pull_for($1, $2) AS answer', groups, cookies.get(groups[2]));
  for (const [i, client] of clients.entries()) {
    await client.poke(pokeOf(answer, groups[i], cookies.get(groups[i])));
    assert.deepEqual(await view(client), await database.truth());
    assert.deepEqual(await client.experimentalPendingMutations(), []);
  }
  assert.deepEqual(backend.pulls, []);
});
