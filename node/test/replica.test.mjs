// Reads on a replica. test/tap and examples/cluster/patroni have real ones; here a second pool shows what a replica shows that is behind, broken, or fine.
import {test} from 'node:test';
import {assert, database, eventually, post, pullOf, pushOf, reading} from './harness.mjs';

const db = await database();
const asked = [];

/** Handlers whose replica answers by `answer`. `asked` is who was asked. */
function handlers(answer) {
  asked.length = 0;
  const named = (name, query) => ({query: async given => {
    asked.push(name);
    return query(given);
  }});
  const primary = named('primary', given => db.pool.query(given));
  return db.sync({pool: primary, replica: named('replica', answer), listen: {database: db.name}});
}

const pull = async (sync, cookie = null, options) => (await sync.pull(post(pullOf(cookie), options))).json();
const write = content => db.rows('INSERT INTO message VALUES (gen_random_uuid(), \'\', $1)', content);

/** Until a page hears that something has changed. */
async function heard(sync) {
  const stream = reading(await sync.events(new Request(`http://localhost/?user=ann&page=${Math.random()}`)));
  return async count => eventually(async () => assert.equal(stream.events.filter(({data}) => data === 'pull').length, count));
}

test('a replica that has what the last poke was about answers', async () => {
  const sync = handlers(given => db.pool.query(given));
  const pokes = await heard(sync);
  await pokes(1);
  await pull(sync);
  assert.deepEqual(asked, ['replica', 'primary'], 'what the version is, only the primary knows now');
  asked.length = 0;
  await pull(sync);
  assert.deepEqual(asked, ['replica']);
  await write('new');
  await pokes(2);
  asked.length = 0;
  assert.equal((await pull(sync)).patch.at(-1).value.content, 'new');
  assert.deepEqual(asked, ['replica']);
});

test('a replica that is behind the poke does not', async () => {
  let old;
  const sync = handlers(async given => old ??= await db.pool.query(given));
  const pokes = await heard(sync);
  await pokes(1);
  for (let i = 0; i < 3; i++) await pull(sync);
  asked.length = 0;
  await write('newest');
  await pokes(2);
  const {patch} = await pull(sync);
  assert.ok(patch.some(({value}) => value?.content === 'newest'));
  assert.deepEqual(asked, ['replica', 'primary']);
});

test('when any space may have changed, the primary answers once more', async () => {
  const sync = handlers(given => db.pool.query(given));
  const pokes = await heard(sync);
  await pokes(1);
  for (let i = 0; i < 3; i++) await pull(sync);
  await db.rows(`NOTIFY replicache, '{"space":null}'`);
  await pokes(2);
  asked.length = 0;
  for (let i = 0; i < 2; i++) await pull(sync);
  assert.deepEqual(asked, ['replica', 'primary', 'replica']);
});

test('a replica that fails, with whatever: the primary answers', async () => {
  for (const code of ['25006', 'ECONNREFUSED', '42883', '40001', undefined]) {
    const sync = handlers(async () => { throw Object.assign(new Error('it fails'), {code}); });
    assert.ok((await pull(sync)).patch.length > 0, code);
    assert.equal(asked.at(-1), 'primary');
  }
});

test('a replica that does not know the client: the primary is asked', async () => {
  const sync = handlers(async () => ({rows: [['{"error":"ClientStateNotFound"}', null]]}));
  assert.ok((await pull(sync)).cookie);
  assert.deepEqual(asked, ['replica', 'primary']);
});

test('pushes go to the primary', async () => {
  const sync = handlers(async () => assert.fail('not the replica'));
  assert.equal((await (await sync.push(post(pushOf()))).json()).applied, 1);
  assert.deepEqual(asked, ['primary']);
});
