// concurrent.mjs --seed N --programs K: random transactions of several connections, interleaved by one driver: each step goes
// to one connection, and one that waits for a lock is left alone until it has it. Pushes go as clients send them: all that is not
// acknowledged, again and again, over any connection. Pulls come in between, with cookies that are kept.
//
// Rows 1 to 4 of `card` are lists to which every write appends a number of its own, so that a view tells which writes it has, and
// in which order. Rows 5 to 8 come, go and change their space. After each pull, `check` asks for what Jepsen's test of PowerSync asks:
//
//   read your writes      what a client knows to be processed is in each later pull of its group, its number and its effects
//   monotonic reads       no list of a viewer gets shorter or changes its past; no lastMutationID and no cookie goes back
//   monotonic writes      who sees a mutation of a client sees those before it, and in each list in the client's order
//   writes follow reads   who sees a write sees what its writer had seen: a client in its view, a direct writer by SELECT
//   atomic visibility     of a mutation, and of a transaction, a pull has all or nothing
//   convergence           after each pull, not only in the end, a view is what is committed: nothing is missed
//
// and that nothing is applied twice, that what was rejected leaves nothing, and that data and lastMutationIDs agree.
import {isDeepStrictEqual, parseArgs} from 'node:util';
import pg from 'pg';
import {randomOf} from './program.mjs';

const lists = ['card/1', 'card/2', 'card/3', 'card/4'];
const {values} = parseArgs({options: {seed: {type: 'string'}, programs: {type: 'string'}}});
const count = {};
const tally = what => (count[what] = (count[what] ?? 0) + 1);

async function connect() {
  const db = new pg.Client();
  await db.connect();
  await db.query("SET client_min_messages = 'error'; SET log_min_messages = 'fatal'; SET deadlock_timeout = '20ms'");
  return db;
}
const value = async (db, sql) => Object.values((await db.query(sql)).rows[0] ?? {})[0];
const [control, puller, slowPuller, ...writers] = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(connect));

class Violation extends Error {}
function must(property, truth, detail) {
  if (!truth) throw new Violation(`${property}: ${JSON.stringify(detail)}`);
}

/** One program. What its writes are is in `tags`: number → {keys, seen, client, id, fails}. */
class World {
  constructor(seed) {
    this.random = randomOf(seed);
    this.log = [];
    this.tags = new Map();
    this.together = [];  // sets of numbers that one transaction has committed
    this.clients = Object.fromEntries([['c1', 'g1'], ['c2', 'g1'], ['c3', 'g2']].map(([id, group]) => [id, {id, group, pending: [], made: 0, done: 0}]));
    this.viewers = ['g1', 'g2', 'since', 'slow', 'other'].map(name => ({
      name, group: name === 'g1' ? 'g1' : 'g2', space: name === 'other' ? 'B' : 'A', cookie: null, view: {}, ids: {}, order: 0,
    }));
    this.sessions = writers.slice(0, 2 + this.random.below(3)).map((db, i) => ({name: `w${i + 1}`, db}));
  }

  async run() {
    const {random} = this;
    const clocks = {A: random.pick(['counter', 'time', 'transaction', 'transaction']), B: random.pick(['counter', 'time', 'transaction'])};
    await control.query('SELECT model_tables()');
    await control.query(`SELECT model_reset('${JSON.stringify(clocks)}')`);
    this.log.push(JSON.stringify(clocks));
    for (let i = 0; i < 60; i++) await this.step();
    for (const session of this.sessions) await this.end(session);
    for (const viewer of this.viewers) {
      if (viewer.snapshot) await this.pull(viewer);  // of long ago
      await this.pull(viewer);
      if (viewer.snapshot) await this.pull(viewer);  // of now
    }
  }

  async step() {
    const {random} = this;
    const free = this.sessions.filter(session => !session.waiting);
    if (!free.length || random.chance(35)) await this.pull(random.pick(this.viewers));
    else if (random.chance(25)) this.mutate(random.pick(Object.values(this.clients)));
    else await this.write(random.pick(free));
    await this.settle();
  }

  // Writers

  newTag(seen, more) {
    const tag = this.tags.size + 1;
    const keys = lists.filter(() => this.random.chance(50));
    if (!keys.length) keys.push(lists[0]);
    if (this.random.chance(50)) keys.reverse();
    this.tags.set(tag, {keys, seen, ...more});
    return tag;
  }
  ids(tag) { return this.tags.get(tag).keys.map(key => Number(key.slice(5))); }

  /** A client makes a mutation, after what it has seen. */
  mutate(client) {
    const {view} = this.viewers.find(({group}) => group === client.group);
    const tag = this.newTag(seenIn(view), {client: client.id, id: ++client.made, fails: this.random.chance(15)});
    client.pending.push({clientID: client.id, id: client.made, name: 'append', args: {tag, ids: this.ids(tag), fails: this.tags.get(tag).fails}});
  }

  async write(session) {
    const {random} = this;
    if (!session.open) {
      Object.assign(session, {open: true, tags: [], acknowledged: {}, mark: undefined});
      return this.send(session, 'BEGIN');
    }
    return random.weigh([
      [30, () => this.push(session, random.pick(['g1', 'g2']))],
      [12, () => this.append(session)],
      [20, () => this.churn(session)],
      [5, () => {
        session.mark = {tags: [...session.tags], acknowledged: {...session.acknowledged}};
        return this.send(session, 'SAVEPOINT s');
      }],
      [4, () => session.mark && this.send(session, 'ROLLBACK TO s', () => Object.assign(session, structuredClone(session.mark)))],
      [25, () => this.commit(session)],
      [8, () => this.send(session, 'ROLLBACK', () => (session.open = false))],
    ])();
  }

  push(session, group) {
    const mutations = Object.values(this.clients).filter(client => client.group === group).flatMap(({pending}) => pending);
    const request = JSON.stringify({pushVersion: 1, clientGroupID: group, mutations});
    return this.send(session, `SELECT replicache.apply_push('${request}', '${group}', 'A')`, ({rows: [{apply_push: answer}]}) => {
      must('a push goes through', answer.halted === null, answer);
      tally(answer.skipped ? 'push with duplicates' : 'push');
      const {length} = mutations.filter(({args}) => args.fails);
      must('what fails is rejected', answer.rejected.length <= length, answer);
      for (const {clientID, id, args} of mutations) {
        session.acknowledged[clientID] = id;
        session.tags.push(args.tag);
      }
    });
  }

  /** A direct writer, who reads first. */
  async append(session) {
    let tag;
    await this.send(session, "SELECT coalesce(json_object_agg('card/' || id, json_build_object('title', title)), '{}') AS view FROM card WHERE id < 5",
      ({rows: [{view}]}) => (tag = this.newTag(seenIn(view), {})));
    if (tag) await this.send(session, `SELECT append(${tag}, '{${this.ids(tag)}}')`, () => session.tags.push(tag));
  }

  churn(session) {
    const {random} = this;
    const id = 5 + random.below(4);
    const board = random.pick(['A', 'B']);
    return this.send(session, random.pick([
      `INSERT INTO card VALUES (${id}, '${board}', '${random.below(9)}') ON CONFLICT (id) DO UPDATE SET board = excluded.board, title = excluded.title`,
      `DELETE FROM card WHERE id = ${id}`,
      `UPDATE card SET board = '${board}' WHERE id = ${id}`,
      `UPDATE card SET title = title || '.' WHERE id > 4`,
      ...(random.chance(10) ? ["SELECT replicache.resync('card')"] : []),
    ]));
  }

  commit(session) {
    return this.send(session, 'COMMIT', () => {
      tally('commit');
      session.open = false;
      // What another transaction has committed before came back as skipped, and is not of this one.
      const old = new Set(this.together.flat());
      this.together.push(session.tags.filter(tag => !this.tags.get(tag).fails && !old.has(tag)));
      for (const [id, done] of Object.entries(session.acknowledged)) {
        const client = this.clients[id];
        client.done = Math.max(client.done, done);
        client.pending = client.pending.filter(mutation => mutation.id > client.done);
      }
    });
  }

  /** Sends it and returns when it is done or waits for a lock. */
  async send(session, sql, then = () => {}) {
    this.log.push(`${session.name}: ${sql}`);
    session.waiting = session.db.query(sql).then(then, async error => {
      if (!error.code) throw error;
      must('only deadlocks', error.code === '40P01', error.message);
      tally('deadlock');
      this.log.push(`${session.name}: -- ${error.message}`);
      session.open = false;
      await session.db.query('ROLLBACK');
    }).then(() => (session.waiting = null), error => {
      session.waiting = null;
      this.failure = error;
    });
    await this.settle();
    if (session.waiting) tally('waited');
  }

  /** Until each connection is done or waits for another one that we hold. */
  async settle() {
    for (;;) {
      const busy = this.sessions.filter(session => session.waiting);
      if (busy.length) await Promise.race([Promise.all(busy.map(({waiting}) => waiting)), this.allBlocked(busy)]);
      if (this.failure) throw this.failure;
      if (this.sessions.filter(session => session.waiting).length === busy.length) return;
    }
  }

  async allBlocked(busy) {
    const pids = busy.map(({db}) => db.processID);
    const held = this.sessions.filter(session => !session.waiting).map(({db}) => db.processID);
    // Waiting in a circle does not count: the server will end that.
    const sql = `WITH RECURSIVE w(pid, on_pid) AS (SELECT p, unnest(pg_blocking_pids(p)) FROM unnest('{${pids}}'::int[]) p
      UNION SELECT w.pid, unnest(pg_blocking_pids(w.on_pid)) FROM w)
      SELECT count(DISTINCT pid) FROM w WHERE on_pid = ANY ('{${held}}')`;
    while (busy.every(session => session.waiting) && Number(await value(control, sql)) < busy.length);
  }

  async end(session) {
    while (session.open || session.waiting) {
      if (!session.waiting) await this.commit(session);
      else for (const other of this.sessions) if (other.open && !other.waiting) await this.commit(other);
    }
  }

  // Viewers

  async pull(viewer) {
    const {name, group, space} = viewer;
    let db = puller;
    if (name === 'slow') {  // pulls from a snapshot that it has taken a while ago
      db = slowPuller;
      if (!viewer.snapshot) {
        this.log.push(`${name}: BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT …`);
        await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        viewer.snapshot = await this.committed(db, space);
        return;
      }
    }
    const before = viewer.snapshot ?? await this.committed(db, space);
    const cookie = JSON.stringify(viewer.cookie);
    const sql = name === 'since' ? `SELECT replicache.pull_since(${cookie}, '${group}', '${space}')`
      : `SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"${space === 'A' ? group : 'other'}","cookie":${cookie}}', '${group}', '${space}')`;
    this.log.push(`${name}: ${sql}`);
    const answer = await value(db, sql);
    if (viewer.snapshot) await db.query('COMMIT');
    viewer.snapshot = undefined;
    must('a pull has an answer', answer.patch, answer);
    this.log.push(`  ${JSON.stringify(answer)}`);
    tally(answer.patch[0]?.op === 'clear' ? 'pull, complete' : answer.patch.length ? 'pull, delta' : 'pull, nothing');

    const view = {...viewer.view};
    for (const {op, key, value} of answer.patch) {
      if (op === 'put') view[key] = value;
      else if (op === 'del') delete view[key];
      else for (const each in view) delete view[each];
    }
    const ids = {...viewer.ids, ...answer.lastMutationIDChanges};
    const order = answer.cookie.order ?? answer.cookie;
    check(this, viewer, before, {view, ids, order});
    Object.assign(viewer, {view, ids, order, cookie: answer.cookie});
  }

  /** What a pull must lead to: the rows, how far each client is, and how far it had been acknowledged. */
  async committed(db, space) {
    const rows = await value(db, `SELECT coalesce(json_object_agg('card/' || id, to_jsonb(c) - 'version'), '{}') FROM card c WHERE board = '${space}'`);
    return {rows, done: Object.fromEntries(Object.values(this.clients).map(({id, done}) => [id, done]))};
  }
}

const numbersIn = row => (row ? row.title.split(',').map(Number) : []);
const seenIn = view => [...new Set(lists.flatMap(key => numbersIn(view[key])))];

function check({tags, together, clients}, viewer, {rows, done}, {view, ids, order}) {
  const seen = new Set(seenIn(view));
  const own = Object.values(clients).filter(({group}) => group === viewer.group);
  const has = tag => tags.get(tag).fails || seen.has(tag);
  if (viewer.space === 'A') {
    for (const key of lists) {
      const list = numbersIn(view[key]);
      must('nothing is applied twice', new Set(list).size === list.length, {key, list});
      for (const tag of list) must('what is rejected leaves nothing', !tags.get(tag).fails, {key, tag});

      const former = numbersIn(viewer.view[key]);
      must('monotonic reads', former.every((tag, i) => list[i] === tag), {key, former, list});

      for (const {id} of Object.values(clients)) {
        const numbers = list.map(tag => tags.get(tag)).filter(({client}) => client === id).map(({id}) => id);
        must('monotonic writes, in a list', numbers.every((number, i) => i === 0 || numbers[i - 1] < number), {key, client: id, numbers});
      }
    }
    for (const tag of seen) {
      const {keys, client, id, seen: causes} = tags.get(tag);
      must('atomic visibility of a write', keys.every(key => numbersIn(view[key]).includes(tag)), {tag, keys, view});
      must('writes follow reads', causes.every(has), {tag, causes});
      for (const [other, before] of tags) if (client && before.client === client && before.id < id) must('monotonic writes', has(other), {tag, other});
    }
    for (const transaction of together) must('atomic visibility of a transaction', transaction.every(has) || !transaction.some(tag => seen.has(tag)), {transaction});

    for (const {id} of own) {
      must('monotonic reads of lastMutationIDs', (ids[id] ?? 0) >= (viewer.ids[id] ?? 0), {id, former: viewer.ids, ids});
      must('read your writes', (ids[id] ?? 0) >= done[id], {id, done, ids});
    }
    for (const [tag, {client, id, fails}] of tags) {
      if (fails || !own.some(each => each.id === client)) continue;
      must('read your writes, in the lists', id > done[client] || seen.has(tag), {tag, client, id});
      must('data and lastMutationIDs agree', seen.has(tag) === id <= (ids[client] ?? 0), {tag, client, id, ids});
    }
  }
  must('monotonic cookies', order >= viewer.order, {former: viewer.order, order});
  must('convergence: nothing is missed', isDeepStrictEqual({...view}, {...rows}), {view, rows});
}

const [first, programs] = [Number(values.seed), Number(values.programs)];
console.log(`1..${programs + 1}`);
let failed = false;
for (let seed = first; seed < first + programs && !failed; seed++) {
  const world = new World(seed);
  try {
    await world.run();
    console.log(`ok ${seed - first + 1} - seed ${seed}, ${world.log.length} lines`);
  } catch (error) {
    failed = true;  // for all: connections may be in the middle of something
    console.log(`not ok ${seed - first + 1} - seed ${seed}: ${error.message}`);
    console.log([...world.log, ...(error instanceof Violation ? [] : error.stack.split('\n'))].map(line => `# ${line}`).join('\n'));
  }
}
const never = programs >= 40 && !failed ? ['commit', 'push with duplicates', 'waited', 'deadlock', 'pull, complete', 'pull, delta', 'pull, nothing'].filter(outcome => !count[outcome]) : [];
console.log(`${never.length ? 'not ok' : 'ok'} ${programs + 1} - everything has come about${never.length ? `, but for ${never.join(' and ')}` : ''}`);
console.log(`# ${JSON.stringify(count)}`);
await Promise.all([control, puller, slowPuller, ...writers].map(db => db.end()));
if (failed || never.length) process.exitCode = 1;
