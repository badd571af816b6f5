// docs/guides/team_app.md: its SQL, its backend and its client. Ann, Bob and Cho do what the page says.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {Replicache} from 'replicache';
import {eventually, view} from './harness.mjs';
import {createBackend} from './team/backend.mjs';
import {openTeams} from './team/client.mjs';

const page = await readFile(new URL('../../../docs/guides/team_app.md', import.meta.url), 'utf8');
const name = `team_test_${process.pid}`;
let owner, web, url;
const backends = [], users = [], requests = [], streams = new Set();

async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A backend of its own, with what it has been asked in `requests`, and its streams in `streams`. */
async function start() {
  const backend = createBackend(web, request => request.headers.get('user'));
  backends.push(backend);
  backend.server.prependListener('request', (request, response) => {
    const {pathname, searchParams} = new URL(request.url, 'http://localhost');
    const entry = {user: request.headers.user, path: pathname, team: searchParams.get('team')};
    requests.push(entry);
    response.on('finish', () => entry.status = response.statusCode);
    if (pathname === '/events') streams.add(response.on('close', () => streams.delete(response)) && Object.assign(response, {entry}));
  });
  await backend.ready;
  await once(backend.server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${backend.server.address().port}`;
}

before(async () => {
  await maintain(`CREATE DATABASE ${name}`);
  owner = new pg.Pool({database: name, max: 3}).on('error', () => {});
  // The set-up ends where the page begins to play with two teams. Roles belong to the whole server, so that of a test has a name of its own.
  const [setUp] = page.split('\n## A card that moves to another team\n');
  await owner.query('CREATE EXTENSION replicache_ext');
  for (const [, sql] of setUp.matchAll(/^```sql\n([^]*?)^```$/gm)) await owner.query(sql.replace(/\bweb\b/g, name));
  web = new pg.Pool({database: name, max: 8, options: `-c role=${name}`}).on('error', () => {});
  url = await start();
});

after(async () => {
  await Promise.all(users.map(({close}) => close()));
  await Promise.all(backends.map(backend => (backend.server.closeAllConnections(), backend.close())));
  await Promise.all([owner.end(), web.end()]);
  await maintain(`DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}`);
});

/** What the client of the page uses of a browser's EventSource, for a user of a backend. */
const eventSourceOf = (user, origin) => class extends EventTarget {
  readyState = 0;
  #end = new AbortController();

  constructor(path) {
    super();
    this.#run(origin() + path);
  }

  async #run(path) {
    for (; this.readyState !== 2; await sleep(20)) {
      try {
        const response = await fetch(path, {headers: {user}, signal: this.#end.signal});
        if (response.status !== 200) {
          this.readyState = 2;
          return this.onerror();
        }
        this.readyState = 1;
        this.onopen();
        let rest = '';
        for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
          const events = (rest + text).split('\n\n');
          rest = events.pop();
          for (const event of events) this.#deliver(event);
        }
      } catch {
        // The server has gone, or we have.
      }
      if (this.readyState === 2) return;
      this.readyState = 0;
      this.onerror();
    }
  }

  #deliver(event) {
    const field = name => event.split('\n').filter(line => line.startsWith(`${name}: `)).map(line => line.slice(name.length + 2));
    if (field('data').length === 0) return;
    const message = new MessageEvent(field('event')[0] ?? 'message', {data: field('data').join('\n')});
    if (message.type === 'message') this.onmessage(message);
    else this.dispatchEvent(message);
  }

  close() {
    this.readyState = 2;
    this.#end.abort();
  }
};

const settings = {kvStore: 'mem', pushDelay: 0, requestOptions: {minDelayMs: 5, maxDelayMs: 50}, logSinks: []};

/** The teams of a user. `offline` may be set to a predicate of paths, which then get no answer. */
function user(who, origin = () => url, options = {}) {
  const lost = [];
  const it = {who, lost, offline: () => false};
  Object.assign(it, openTeams({
    ...settings, ...options, user: who, lost: (team, mutations) => lost.push([team, mutations.map(({name}) => name)]), EventSource: eventSourceOf(who, origin),
    fetch: async (path, {headers, ...rest}) => {
      if (it.offline(path)) throw new Error('offline');
      return fetch(origin() + path, {...rest, headers: {...headers, user: who}});
    },
  }));
  it.rep = team => it.teams.get(team)?.rep;
  users.push(it);
  return it;
}

/** Wait until all have these cards in a team, with nothing pending. */
const cards = (team, expected, ...all) => eventually(async () => {
  for (const one of all) {
    const entries = Object.entries(await view(one.rep(team))).filter(([key]) => key.startsWith('card/'));
    assert.deepEqual(Object.fromEntries(entries.map(([key, {title, board_id}]) => [key.slice(5), [board_id, title]])), expected, `${one.who} in ${team}`);
    assert.deepEqual(await one.rep(team).experimentalPendingMutations(), []);
  }
});

/** Wait until nobody asks for anything any more, and forget what was asked. */
async function quiet() {
  for (let before = -1; before !== requests.length; await sleep(400)) before = requests.length;
  requests.length = 0;
}

const rows = async (sql, ...values) => (await owner.query(sql, values)).rows;
const rejected = async () => (await rows('SELECT user_id, name, sqlstate FROM replicache.mutation_error ORDER BY error_id')).map(Object.values);
let ann, bob, cho, other;

test('teams appear where somebody is invited, and boards and cards with them', async () => {
  [ann, bob, cho] = ['ann', 'bob', 'cho'].map(who => user(who));
  for (const [team, other] of [['red', 'bob'], ['blue', 'cho']]) {
    await ann.home.mutate.createTeam({id: team, name: team});
    await eventually(() => assert.ok(ann.rep(team), 'it is there before the server knows it'));
    await ann.rep(team).mutate.createBoard({id: `on ${team}`, name: 'Now'});
    await ann.home.mutate.setMember({team, member: other, role: 'editor'});
  }
  await ann.rep('red').mutate.putCard({id: 'c1', board: 'on red', title: 'Write docs'});
  await ann.rep('red').mutate.putCard({id: 'c2', board: 'on red', title: 'Test them'});
  await eventually(() => assert.deepEqual([ann, bob, cho].map(({teams}) => [...teams.keys()].sort()), [['blue', 'red'], ['red'], ['blue']]));
  await cards('red', {c1: ['on red', 'Write docs'], c2: ['on red', 'Test them']}, ann, bob);
  await cards('blue', {}, ann, cho);
  assert.deepEqual(Object.keys(await view(cho.home)), ['member/blue/ann', 'member/blue/cho', 'team/blue']);
  assert.deepEqual(await rejected(), []);
});

test('a change reaches the pages of its space only, without a pull', async () => {
  await eventually(() => assert.equal(streams.size, 7, 'one for each team of each user, and one for each home'));
  const {heard, close} = await listen();
  // On a busy machine, something from before may still be on its way. Then it is tried again.
  for (let tries = 3, others; others?.length !== 0; tries--) {
    assert.ok(tries > 0, `Ann is sent the change, and nobody else is told: ${JSON.stringify(others)}`);
    await quiet();
    heard.clear();
    await bob.rep('red').mutate.putCard({id: 'c2', board: 'on red', title: `Test ${tries} of them`});
    await cards('red', {c1: ['on red', 'Write docs'], c2: ['on red', `Test ${tries} of them`]}, ann, bob);
    await sleep(200);
    others = requests.filter(({user}) => user !== 'bob');
  }
  assert.deepEqual([...heard], ['team/red']);
  await close();
  await bob.rep('red').mutate.putCard({id: 'c2', board: 'on red', title: 'Test all of them'});
  await cards('red', {c1: ['on red', 'Write docs'], c2: ['on red', 'Test all of them']}, ann, bob);
});

test('a card moves: it leaves one team and appears in the other', async () => {
  bob.offline = path => path.startsWith('/push');
  await bob.rep('red').mutate.putCard({id: 'c1', board: 'on red', title: 'edited offline'});
  const {heard, close} = await listen();
  await ann.rep('red').mutate.moveCard({id: 'c1', board: 'on blue'});
  await cards('red', {c2: ['on red', 'Test all of them']}, ann);
  await cards('blue', {c1: ['on blue', 'Write docs']}, ann, cho);
  await eventually(() => assert.deepEqual([...heard].sort(), ['team/blue', 'team/red']));
  await close();
  assert.deepEqual(await rows('SELECT space, key FROM replicache.tombstone ORDER BY space'), [{space: 'team/red', key: 'card/c1'}]);

  bob.offline = () => false;  // his edit comes too late
  await cards('red', {c2: ['on red', 'Test all of them']}, ann, bob);
  await bob.rep('red').mutate.moveCard({id: 'c2', board: 'on blue'});  // where he is not
  await eventually(async () => assert.deepEqual(await rejected(), [['bob', 'putCard', 'P0002'], ['bob', 'moveCard', '42501']]));
  await cards('red', {c2: ['on red', 'Test all of them']}, ann, bob);
  await cards('blue', {c1: ['on blue', 'Write docs']}, ann, cho);

  await ann.rep('blue').mutate.moveCard({id: 'c1', board: 'on red'});
  await cards('red', {c1: ['on red', 'Write docs'], c2: ['on red', 'Test all of them']}, ann, bob);
  await cards('blue', {}, ann, cho);
});

test('two moves in opposite directions are both done', async () => {
  await ann.rep('blue').mutate.putCard({id: 'c3', board: 'on blue', title: 'Crosses'});
  await cards('blue', {c3: ['on blue', 'Crosses']}, ann, cho);
  await Promise.all([ann.rep('red').mutate.moveCard({id: 'c1', board: 'on blue'}), ann.rep('blue').mutate.moveCard({id: 'c3', board: 'on red'})]);
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crosses']}, ann, bob);
  await cards('blue', {c1: ['on blue', 'Write docs']}, ann, cho);
});

test('a board moves with its cards', async () => {
  await owner.query(`UPDATE board SET team_id = 'blue' WHERE id = 'on red'`);
  await cards('red', {}, ann, bob);
  await owner.query(`UPDATE board SET team_id = 'red' WHERE id = 'on red'`);
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crosses']}, ann, bob);
});

test('who is not in a team is refused, whatever they ask for', async () => {
  const ask = (path, method, body) => fetch(url + path, {method, body, headers: {user: 'bob', 'Content-Type': 'application/json'}});
  for (const team of ['blue', 'none', 'red%2F..', '']) {
    const body = JSON.stringify({pullVersion: 1, pushVersion: 1, clientGroupID: 'g', cookie: null, mutations: []});
    for (const path of ['/pull', '/push']) assert.equal((await ask(`${path}?team=${team}`, 'POST', body)).status, 403);
    assert.equal((await ask(`/events?team=${team}`, 'GET')).status, 403);
  }
});

test('roles: a viewer cannot write, an editor cannot invite, and a team keeps an owner', async () => {
  await owner.query('DELETE FROM replicache.mutation_error');
  await bob.home.mutate.setMember({team: 'red', member: 'eve', role: 'owner'});
  await bob.home.mutate.setMember({team: 'blue', member: 'bob', role: 'owner'});
  await bob.home.mutate.removeMember({team: 'red', member: 'ann'});
  await ann.home.mutate.removeMember({team: 'red', member: 'ann'});
  await ann.home.mutate.setMember({team: 'red', member: 'ann', role: 'viewer'});
  await eventually(async () => assert.deepEqual((await rejected()).map(row => row.join(' ')).sort(), [
    'ann removeMember 23514', 'ann setMember 23514', 'bob removeMember 42501', 'bob setMember 42501', 'bob setMember 42501']));
  await ann.home.mutate.setMember({team: 'red', member: 'bob', role: 'viewer'});
  await eventually(async () => assert.equal((await view(bob.home))['member/red/bob'].role, 'viewer'));
  await bob.rep('red').mutate.putCard({id: 'c4', board: 'on red', title: 'by a viewer'});
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crosses']}, ann, bob);
  assert.equal((await rejected()).at(-1).join(' '), 'bob putCard 42501');
  await ann.home.mutate.setMember({team: 'red', member: 'bob', role: 'editor'});
  await eventually(async () => assert.equal((await view(bob.home))['member/red/bob'].role, 'editor'));
});

test('of two owners who leave at the same time, one stays', async () => {
  await owner.query(`INSERT INTO team VALUES ('two', 'Two'); INSERT INTO member VALUES ('two', 'dan', 'owner'), ('two', 'eve', 'owner')`);
  const leave = who => web.query('SELECT replicache.apply_push($1, $2) AS answer', [JSON.stringify({pushVersion: 1, clientGroupID: `g ${who}`,
    mutations: [{clientID: who, id: 1, name: 'removeMember', args: {team: 'two', member: who}}]}), who]);
  const answers = await Promise.all(['dan', 'eve'].map(leave));
  assert.equal(answers.filter(({rows: [{answer}]}) => answer.applied === 1).length, 1);
  assert.equal((await rows(`SELECT FROM member WHERE team_id = 'two'`)).length, 1);
});

test('who is removed loses the data, the stream, and what was pending', async () => {
  const rep = bob.rep('red');
  bob.offline = path => path.startsWith('/push?team=red');
  await rep.mutate.putCard({id: 'c5', board: 'on red', title: 'never arrives'});
  await eventually(() => assert.equal(streams.size, 7));
  const mine = [...streams].filter(({entry}) => entry.user === 'bob' && entry.team === 'red');
  const theirs = [...streams].filter(stream => !mine.includes(stream));
  assert.equal(mine.length, 1);
  await quiet();
  // A client that would go on to listen, at two backends.
  other = await start();
  const stubborn = await Promise.all([url, other].map(origin => fetch(`${origin}/events?team=red&page=x`, {headers: {user: 'bob'}})));
  await ann.home.mutate.removeMember({team: 'red', member: 'bob'});
  const ended = Promise.all(stubborn.map(stream => stream.text()));
  assert.ok(await Promise.race([ended, sleep(5_000)]), 'the backends end the streams');
  await eventually(() => assert.deepEqual(bob.lost, [['red', ['putCard']]]));
  assert.ok(theirs.every(stream => streams.has(stream)), 'and no other one');
  assert.equal(bob.rep('red'), undefined);
  assert.ok(rep.closed);
  assert.deepEqual(await view(bob.home), {});
  assert.ok(requests.filter(({user, team, path}) => user === 'bob' && team === 'red' && path !== '/events').every(({status}) => status !== 200));

  const again = new Replicache({...settings, name: rep.name, pullInterval: null});
  assert.deepEqual(await view(again), {}, 'nothing is left on the device');
  await again.close();
  bob.offline = () => false;
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crosses']}, ann);
});

test('who is invited again gets everything', async () => {
  await ann.home.mutate.setMember({team: 'red', member: 'bob', role: 'editor'});
  await eventually(() => assert.ok(bob.rep('red')));
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crosses']}, ann, bob);
});

test('who leaves pushes first, on another backend, too', async () => {
  const elsewhere = user('cho', () => other, {requestOptions: {minDelayMs: 700, maxDelayMs: 700}});  // which is slow to try again by itself
  await cards('blue', {c1: ['on blue', 'Write docs']}, ann, cho, elsewhere);
  elsewhere.offline = path => path.startsWith('/push?team=blue');
  await elsewhere.rep('blue').mutate.putCard({id: 'c1', board: 'on blue', title: 'My last word'});
  await assert.rejects(elsewhere.leave('blue'), /1 changes of the team/);
  assert.equal((await rows(`SELECT FROM member WHERE user_id = 'cho'`)).length, 1, 'not without it');
  elsewhere.offline = () => false;
  await elsewhere.leave('blue');
  await eventually(() => assert.deepEqual([cho.teams.size, elsewhere.teams.size], [0, 0]));
  await eventually(() => assert.equal([...streams].filter(({entry}) => entry.user === 'cho' && entry.team === 'blue').length, 0));
  await cards('blue', {c1: ['on blue', 'My last word']}, ann);
  assert.deepEqual([cho.lost, elsewhere.lost], [[], []]);
});

test('a 403 with another cause deletes nothing', async () => {
  await owner.query(`REVOKE SELECT ON card FROM ${name}`);
  requests.length = 0;
  await owner.query(`UPDATE card SET title = 'Crossed' WHERE id = 'c3'`);
  await eventually(() => assert.ok(requests.some(({user, team, path, status}) => user === 'bob' && team === 'red' && path === '/pull' && status === 403)));
  await eventually(() => assert.ok(requests.some(({user, team, path, status}) => user === 'bob' && team === null && path === '/pull' && status)));
  await sleep(100);
  assert.ok(bob.rep('red'));
  await owner.query(`GRANT SELECT ON card TO ${name}`);
  await cards('red', {c2: ['on red', 'Test all of them'], c3: ['on red', 'Crossed']}, bob);
});

/** The spaces that are poked. */
async function listen() {
  const session = new pg.Client({database: name}), heard = new Set();
  await session.connect();
  session.on('notification', ({payload}) => heard.add(JSON.parse(payload).space));
  await session.query('LISTEN replicache');
  return {heard, close: () => session.end()};
}
