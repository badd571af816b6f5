// The code of README.md, as a backend and a page use it. test/docs.mjs runs its first server, test/clients/frameworks those of frameworks.
import {test} from 'node:test';
import {createSync, nobody} from 'replicache-ext';
import {example} from '../../test/example.mjs';
import {assert, database, eventually, post, pullOf, pushOf, reading} from './harness.mjs';

const push = (sync, url, headers) => sync.push(new Request(url, {method: 'POST', headers: {'Content-Type': 'application/json', ...headers}, body: JSON.stringify(pushOf())}));

test('who is asking, and for which space', async () => {
  const db = await database({spaces: true});
  const session = async request => ({ann: {userId: 'ann'}})[request.headers.get('x-user')];
  const mayUse = async (user, board) => user === 'ann' && board === 'b';
  const sync = await example('node/README.md', '## Who is asking', {createSync, pool: db.pool, session, mayUse}, 'sync');
  db.later(() => sync.close());
  const statusOf = async (user, board) => (await push(sync, `http://localhost/push?board=${board}`, {'x-user': user})).status;
  assert.equal(await statusOf('ann', 'b'), 200);
  assert.equal(await statusOf('ann', 'c'), 403);
  assert.equal(await statusOf('bob', 'b'), 401);
  assert.deepEqual(await db.rows('SELECT room FROM message'), [{room: 'b'}]);
});

test('who is logged out', async () => {
  const db = await database();
  await db.rows(`CREATE TABLE pushed_by (user_id text);
    CREATE OR REPLACE FUNCTION create_message(id text, content text) RETURNS void LANGUAGE sql AS 'INSERT INTO pushed_by VALUES (replicache.current_user_id())'`);
  const session = async request => ({good: {userId: 'ann'}})[request.headers.get('authorization')];
  const sync = await example('node/README.md', 'return `nobody`', {createSync, nobody, pool: db.pool, session}, 'sync');
  db.later(() => sync.close());
  assert.equal((await sync.push(post(pushOf(), {headers: {}}))).status, 200);
  assert.equal((await sync.push(post({...pushOf(), clientGroupID: 'h'}, {headers: {authorization: 'good'}}))).status, 200);
  assert.equal((await sync.push(post(pushOf(), {headers: {authorization: 'old'}}))).status, 401);
  assert.deepEqual(await db.rows('SELECT * FROM pushed_by'), [{user_id: null}, {user_id: 'ann'}]);
});

test('a page', async () => {
  const db = await database();
  await db.rows(`INSERT INTO message VALUES ('m1', '', 'is there')`);
  const sync = db.sync({listen: {database: db.name}});
  const view = new Map();
  let cookie = null, pulls = 0, pokes = 0, id, source, stream;

  const apply = ({cookie: next, patch}) => {
    for (const {op, key, value} of patch) op === 'clear' ? view.clear() : op === 'del' ? view.delete(key) : view.set(key, value.content);
    cookie = next;
  };
  const rep = {
    async pull() {
      pulls++;
      apply(await (await sync.pull(post(pullOf(cookie), {headers: {'X-Page': id}}))).json());
    },
    async poke({baseCookie, pullResponse}) {
      assert.deepEqual(baseCookie, cookie);
      apply(pullResponse);
      pokes++;
    },
  };
  class EventSource extends EventTarget {
    constructor(url) {
      super();
      source = this;
      id = new URL(url, 'http://localhost').searchParams.get('page');
      this.opened = sync.events(new Request(`http://localhost${url}`, {headers: {'x-user': 'ann'}})).then(response => stream = reading(response));
    }
  }
  await example('node/README.md', '| `message` | `pull`', {EventSource, rep});
  await source.opened;
  await source.onopen();
  assert.deepEqual([...view.values()], ['is there']);

  const write = async content => {
    await db.rows('INSERT INTO message VALUES (gen_random_uuid(), $1, $2)', '', content);
    await eventually(async () => {
      for (const {event, data} of stream.events.splice(0))
        if (event === 'answer') source.dispatchEvent(new MessageEvent('answer', {data}));
        else if (data) await source.onmessage();
      assert.ok([...view.values()].includes(content));
    });
  };
  // The first may be pulled: what the process has not heard before it listens, it tells everybody to pull.
  for (let n = 0; pokes === 0; n++) await write(`sent ${n}`);
  const before = pulls;
  rep.poke = () => Promise.reject(new Error('another cookie'));
  await write('pulled');
  assert.ok(pulls > before);
  assert.equal(view.size, (await db.rows('SELECT FROM message')).length);
});

test('a replica', async () => {
  const db = await database();
  const asked = [];
  const standbys = {query: query => {
    asked.push(query.text);
    return db.pool.query(query);
  }};
  const sync = await example('node/README.md', '## Read replicas', {createSync, primary: db.pool, standbys, authenticate: () => 'ann'}, 'sync');
  db.later(() => sync.close());
  assert.equal((await sync.push(post(pushOf('pushed')))).status, 200);
  assert.deepEqual(asked, []);
  assert.equal((await (await sync.pull(post(pullOf()))).json()).patch.at(-1).value.content, 'pushed');
  assert.equal(asked.length, 1);
});
