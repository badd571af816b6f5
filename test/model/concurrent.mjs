// concurrent.mjs --seed N --programs K: random transactions of several connections, interleaved by one driver: each step goes
// to one connection, and one that waits for a lock is left alone until it has it. Pushes go as clients send them: all that is not
// acknowledged, again and again, over any connection. Pulls come in between, with cookies that are kept.
//
// Rows 1 to 4 of `card` are lists to which every write appends a number of its own, so that a view tells which writes it has, and
// in which order. Rows 5 to 8 come, go and change their space. After each pull, causal.mjs checks what it has brought.
import {parseArgs} from 'node:util';
import pg from 'pg';
import {check, lists, must, seenIn, Violation} from './causal.mjs';
import {randomOf} from '../random.mjs';

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
const [control, puller, slowPuller, collector, ...writers] = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(connect));

const pushOf = (group, mutations) => `SELECT replicache.apply_push('${JSON.stringify({pushVersion: 1, clientGroupID: group, mutations})}', '${group}', 'A')`;

/** `made`: all its mutations; `pending`: those that are not acknowledged; `done`: the last one that is. */
const newClient = (id, group) => ({id, group, made: [], pending: [], done: 0});

/** One program. What its writes are is in `tags`: number → {keys, seen, client, id, fails}; those of direct writers have no client. */
class World {
  constructor(seed) {
    this.random = randomOf(seed);
    this.log = [];
    this.tags = new Map();
    this.together = [];  // sets of numbers that one transaction has committed
    this.clients = Object.fromEntries([['c1', 'g1'], ['c2', 'g1'], ['c3', 'g2']].map(([id, group]) => [id, newClient(id, group)]));
    this.viewers = ['g1', 'g2', 'since', 'slow', 'other'].map(name => ({
      name, group: name === 'g1' ? 'g1' : 'g2', space: name === 'other' ? 'B' : 'A', cookie: null, view: {}, ids: {}, order: 0,
    }));
    this.forgotten = {};  // clients that garbage collection took, with all mutations that they ever made
    this.writers = writers.slice(0, 2 + this.random.below(3)).map((db, i) => ({name: `w${i + 1}`, db}));
    this.collector = {name: 'gc', db: collector};
    this.sessions = [...this.writers, this.collector];
  }

  async run() {
    const {random} = this;
    const clocks = {A: random.pick(['counter', 'time', 'transaction', 'transaction']), B: random.pick(['counter', 'time', 'transaction'])};
    await control.query('SELECT model_tables()');
    await control.query(`SELECT model_reset('${JSON.stringify(clocks)}')`);
    await control.query("INSERT INTO card SELECT id, 'A', 'there' FROM generate_series(5, 8) id");
    this.log.push(JSON.stringify(clocks));
    for (let i = 0; i < 60; i++) await this.step();
    for (const session of this.sessions) await this.end(session);
    await this.collectGarbage();  // now that nobody holds anything
    for (const id in this.forgotten) await this.comeBack(id);
    for (const viewer of this.viewers) {
      if (viewer.snapshot) await this.pull(viewer);  // of long ago
      await this.pull(viewer);
      if (viewer.snapshot) await this.pull(viewer);  // of now
    }
  }

  async step() {
    const {random} = this;
    const free = this.writers.filter(session => !session.waiting);
    if (!free.length || random.chance(35)) await this.pull(random.pick(this.viewers));
    else if (random.chance(8) && !this.collector.waiting) await this.collectGarbage();
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
    const tag = this.newTag(seenIn(view), {client: client.id, id: client.made.length + 1, fails: this.random.chance(15)});
    const mutation = {clientID: client.id, id: client.made.length + 1, name: 'append', args: {tag, ids: this.ids(tag), fails: this.tags.get(tag).fails}};
    client.made.push(mutation);
    client.pending.push(mutation);
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
    return this.send(session, pushOf(group, mutations), async ({rows: [{apply_push: answer}]}) => {
      let processed = mutations;
      if (answer.error) {  // it has waited while garbage collection took a client; what came before that client's first mutation stands
        await this.noteForgotten();
        const refused = mutations.findIndex(({clientID}) => this.forgotten[clientID]);
        must('nobody is refused but forgotten clients', answer.error === 'ClientStateNotFound' && refused >= 0, {answer, mutations});
        processed = mutations.slice(0, refused);
      } else must('a push goes through', answer.halted === null, answer);
      tally(answer.error ? 'push of a forgotten client' : answer.skipped ? 'push with duplicates' : 'push');
      for (const {clientID, id, args} of processed) {
        session.acknowledged[clientID] = id;
        session.tags.push(args.tag);
      }
    });
  }

  /** Everything committed is old enough. A client that is forgotten is told to start afresh, and does so under another id. */
  collectGarbage() {
    return this.send(this.collector, "SELECT replicache.collect_garbage('0') AS counts", async ({rows: [{counts}]}) => {
      if (counts.tombstones) tally('tombstones collected');
      await this.noteForgotten();
    });
  }

  async noteForgotten() {
    await Promise.all(this.writers.map(({committing}) => committing));  // whose answers may come after that of who has waited for them
    const {rows} = await control.query('SELECT id FROM replicache.forgotten_client');
    for (const {id} of rows.filter(({id}) => this.clients[id])) {
      tally('client forgotten');
      this.log.push(`gc: -- forgets ${id}`);
      this.forgotten[id] = this.clients[id];
      delete this.clients[id];
      this.clients[`${id}+`] = newClient(`${id}+`, this.forgotten[id].group);
    }
  }

  /** A forgotten client sends everything that it ever made. */
  async comeBack(id) {
    const {group, made} = this.forgotten[id];
    const answer = await value(control, pushOf(group, made));
    must('who comes back is refused', answer.error === 'ClientStateNotFound', {id, answer});
    tally('push of a forgotten client');
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
    const sent = this.send(session, 'COMMIT', () => {
      tally('commit');
      session.open = false;
      // What another transaction has committed before came back as skipped, and is not of this one.
      const old = new Set(this.together.flat());
      this.together.push(session.tags.filter(tag => !this.tags.get(tag).fails && !old.has(tag)));
      for (const [id, done] of Object.entries(session.acknowledged)) {
        const client = this.clients[id] ?? this.forgotten[id];
        must('a client whose mutations are being processed is not forgotten', this.clients[id] || done <= client.done, {id, done});
        client.done = Math.max(client.done, done);
        client.pending = client.pending.filter(mutation => mutation.id > client.done);
      }
    });
    session.committing = session.waiting;
    return sent;
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
      else for (const other of this.writers) if (other.open && !other.waiting) await this.commit(other);
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
const never = programs >= 40 && !failed ? ['commit', 'push with duplicates', 'waited', 'deadlock', 'pull, complete', 'pull, delta', 'pull, nothing',
  'client forgotten', 'tombstones collected', 'push of a forgotten client'].filter(outcome => !count[outcome]) : [];
console.log(`${never.length ? 'not ok' : 'ok'} ${programs + 1} - everything has come about${never.length ? `, but for ${never.join(' and ')}` : ''}`);
console.log(`# ${JSON.stringify(count)}`);
process.exit(failed || never.length ? 1 : 0);  // whatever still waits for whom
