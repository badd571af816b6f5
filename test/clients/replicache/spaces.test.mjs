// Spaces: named by uuids that are written in capitals, as Swift and .NET do, and by templates.
import assert from 'node:assert/strict';
import pg from 'pg';
import {eventually, scenario, settle, view} from './harness.mjs';

const mutators = {putCard: (tx, card) => tx.set(`card/${card.id}`, card)};

/** Cards of boards, tracked with this space. */
async function cards(database, type, space) {
  await database.rows(`CREATE TABLE card (id text PRIMARY KEY, board ${type} NOT NULL)`);
  await database.rows(`SELECT replicache.track_table('card', space => '${space}')`);
  await database.rows(`CREATE FUNCTION put_card(id text, board ${type}) RETURNS void LANGUAGE sql AS 'INSERT INTO card VALUES (id, board)'`);
  await database.rows(`SELECT replicache.register_mutator('putCard', 'put_card(text, ${type})')`);
  await database.rows(`GRANT ALL ON card TO PUBLIC`);
}

scenario('a uuid in capitals is the space of the rows', {}, async ({database, connect, open}) => {
  await cards(database, 'uuid', 'board');
  const board = 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11';
  const backends = [board, board.toLowerCase(), `{${board.replaceAll('-', '')}}`].map(space => Object.assign(connect(database), {space}));
  const [writer, ...readers] = backends.map(backend => open({backend, mutators}));
  await settle(writer, ...readers);
  const session = new pg.Client({database: database.name});
  await session.connect();
  const spaces = new Set();
  session.on('notification', ({payload}) => {
    const {space} = JSON.parse(payload);
    spaces.add(space);
    if (space === board.toLowerCase()) for (const reader of readers) reader.pull().catch(() => {});
  });
  await session.query('LISTEN replicache');
  try {
    for (const id of ['a', 'b', 'c']) await writer.mutate.putCard({id, board: board.toLowerCase()});
    await settle(writer);
    const confirmed = await view(writer);
    assert.deepEqual(Object.keys(confirmed), ['card/a', 'card/b', 'card/c']);
    await eventually(async () => {
      for (const reader of readers) assert.deepEqual(await view(reader), confirmed);
    });
    assert.deepEqual([...spaces], [board.toLowerCase()]);
    assert.deepEqual(await database.rows('SELECT DISTINCT space FROM replicache.client_group'), [{space: board.toLowerCase()}]);
  } finally {
    await session.end();
  }
});

scenario('a template keeps boards and users of the same number apart', {}, async ({database, connect, open}) => {
  await cards(database, 'integer', 'board/{board}');
  await database.rows(`CREATE TABLE inbox (id text PRIMARY KEY, user_id integer NOT NULL)`);
  await database.rows(`SELECT replicache.track_table('inbox', space => 'user/{user_id}')`);
  await database.rows(`GRANT ALL ON inbox TO PUBLIC; INSERT INTO inbox VALUES ('private', 7)`);
  const [member, user, other] = ['board/007', 'user/7', 'board/8'].map(space => open({backend: Object.assign(connect(database), {space}), mutators}));
  await member.mutate.putCard({id: 'a', board: 7});
  await settle(member, user, other);
  assert.deepEqual(await view(member), {'card/a': {id: 'a', board: 7}});
  assert.deepEqual(await view(user), {'inbox/private': {id: 'private', user_id: 7}});
  assert.deepEqual(await view(other), {});
  await database.rows(`UPDATE card SET board = 8`);
  await settle(member, other);
  await eventually(async () => {
    assert.deepEqual(await view(member), {});
    assert.deepEqual(await view(other), {'card/a': {id: 'a', board: 8}});
  });
});
