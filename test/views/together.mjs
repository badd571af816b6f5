// together.mjs --seed N --rounds K: what pull_for gives many client groups at once is what pull gives each of them in the same snapshot. Random applications and
// histories: all clocks, spaces, pages, tables that everybody may read, private tables and parts. Writers keep transactions open, several groups push, rows and clients
// are collected, epochs begin. Clients have cookies of their own: new, old, forked, of another backend, and composed of answers of pull_for. See run.
import {inspect, isDeepStrictEqual, parseArgs} from 'node:util';
import {Failure, Session} from '../ddl/session.mjs';
import {randomOf} from '../random.mjs';

const {values} = parseArgs({options: {seed: {type: 'string'}, rounds: {type: 'string'}}});
const [firstSeed, rounds] = [Number(values.seed), Number(values.rounds)];
const steps = 150;
const count = {};
const role = `${process.env.PGDATABASE}_reader`;
const literal = value => (value === null || value === undefined ? 'NULL' : `'${value.replaceAll("'", "''")}'`);
const expected = /^(55P03|23505|40P01|40001|42501)$/;  // of a write

// What a backend does: docs/replicache_pull.md.
const keyOf = cookie => JSON.stringify(cookie, (name, value) => (name === 'confirmed' || name === 'lsn' ? undefined : value));
const pokeOf = (answer, clientGroupID, cookie) => ({
  baseCookie: cookie,
  pullResponse: {
    cookie: {...answer.cookie, confirmed: answer.confirmed[clientGroupID] ?? cookie?.confirmed},
    lastMutationIDChanges: answer.lastMutationIDChanges[clientGroupID] ?? {},
    patch: answer.patch,
  },
});

const withoutLsn = cookie => JSON.stringify(cookie, (name, value) => (name === 'lsn' ? undefined : value));
const isEmpty = object => Object.keys(object).length === 0;
/** As versions before 0.5 wrote it. */
const inOldOrder = ({origin, confirmed, ...rest}) => (confirmed ? {...rest, confirmed, origin} : {...rest, origin});

class Round {
  constructor(seed) {
    Object.assign(this, {seed, random: randomOf(seed), log: [], sessions: [], clients: [], groups: 0, epoch: 0, collected: 0});
    const {pick, chance, weigh} = this.random;
    this.clock = pick(['counter', 'time', 'transaction', 'transaction']);
    this.kind = weigh([[6, 'public'], [2, 'private'], [2, 'parts']]);
    this.spaces = chance(50) ? ['A', 'B'] : [''];
    this.soft = chance(35);
    this.users = this.kind === 'public' ? ['ann', 'ben', null] : ['ann', 'ben'];
  }

  toString() { return [this.clock, this.kind, this.spaces[1] && 'spaces', this.soft && 'soft deletion'].filter(Boolean).join(', '); }
  tally(what) { count[what] = (count[what] ?? 0) + 1; }
  note(name, sql) { this.log = [...this.log.slice(-80), `${name}: ${sql.replaceAll(/\s+/g, ' ')};`.slice(0, 3000)]; }
  fail(message) { this.failure ??= message; }

  async session(name) {
    const session = new Session(name, this);
    this.sessions.push(session);
    await session.open();
    return session;
  }

  async setUp() {
    const first = await this.session('first');
    await first.must('DROP EXTENSION IF EXISTS replicache_ext CASCADE; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC');
    await first.must('CREATE EXTENSION replicache_ext');
    if (process.env.VIEWS_MODULE) await first.must(`UPDATE pg_proc SET probin = '${process.env.VIEWS_MODULE}' WHERE probin = '$libdir/replicache_ext'`);
    await first.end();
    const control = await this.session('control');
    const space = this.spaces[1] ? ", space => 'board'" : '';
    const options = {
      public: '', private: ", filter => 't.list IN (SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id())'",
      parts: ", part => 'list', parts => 'SELECT s.list FROM share s WHERE s.user_id = replicache.current_user_id()'",
    };
    for (const sql of [
      "CREATE TABLE share (user_id text, list int, PRIMARY KEY (user_id, list)); INSERT INTO share VALUES ('ann', 1), ('ann', 2), ('ben', 2), ('ben', 3)",
      "CREATE TABLE item (id int PRIMARY KEY, board text NOT NULL DEFAULT 'A', list int NOT NULL DEFAULT 1, title text, gone boolean NOT NULL DEFAULT false)",
      "CREATE TABLE tag (id int PRIMARY KEY, board text NOT NULL DEFAULT 'A', title text)",
      `CREATE FUNCTION put(id int, title text) RETURNS void LANGUAGE sql AS $$
        INSERT INTO item VALUES (id, coalesce(nullif(replicache.current_space(), ''), 'A'), 1 + id % 3, title) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET title = excluded.title, gone = false $$`,
      'CREATE FUNCTION drop_item(id int) RETURNS void LANGUAGE sql AS $$ DELETE FROM item i WHERE i.id = drop_item.id $$',
      'CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS $$ SELECT $$',
      "SELECT replicache.register_mutator('put', 'put(int, text)'), replicache.register_mutator('drop', 'drop_item(int)'), replicache.register_mutator('nothing', 'nothing()')",
      `SELECT replicache.grant_usage('${role}'); GRANT SELECT ON share, item, tag TO ${role}`,
      `SELECT ${this.spaces.map(id => `replicache.create_space('${id}', '${this.clock}')`)}`,
      `SELECT replicache.track_table('item'${space}${this.soft ? ", deleted => 'gone'" : ''}${options[this.kind]}), replicache.track_table('tag'${space})`,
      "INSERT INTO item SELECT n, chr(65 + n % 2), 1 + n % 3, 'title ' || n FROM generate_series(1, 80) n; INSERT INTO tag SELECT n, chr(65 + n % 2), 'tag ' || n FROM generate_series(1, 9) n",
    ]) await control.must(sql);
    for (let i = 0; i < 9; i++) this.clients.push(this.newClient());
    await control.must("SET lock_timeout = '5ms'");
    return control;
  }

  newClient(more = {}) {
    const {pick} = this.random;
    return {group: `g${++this.groups}`, user: pick(this.users), space: pick(this.spaces), cookie: null, past: [], epoch: this.epoch, ...more};
  }

  async run() {
    const {random} = this;
    const control = await this.setUp();
    const writers = [];
    for (let i = 1; i <= 3; i++) {
      const session = await this.session(`writer ${i}`);
      await session.must("SET lock_timeout = '2ms'");
      writers.push({session, open: false, mark: false});
    }
    const puller = await this.session('puller');
    for (let i = 0; i < steps; i++)
      await random.weigh([
        [50, () => this.write(random.pick(writers))],
        [30, () => this.pullTogether(puller)],
        [8, () => this.rearrange()],
        [3, () => this.administer(control)],
      ])();
    for (const writer of writers) if (writer.open) await writer.session.must('COMMIT');
    for (let i = 0; i < 4; i++) await this.pullTogether(puller);
  }

  // Writers

  async write(writer) {
    const {random: {pick, below, chance, weigh}, clients} = this;
    const id = () => 1 + below(110);
    const {group, user, space} = pick(clients);
    const push = async () => {
      const mutations = [];
      for (const client of pick([['1'], ['2'], ['1', '2'], ['2', '1']])) {
        const [{next}] = await writer.session.must(`SELECT coalesce(max(last_mutation_id), 0) + 1 AS next FROM replicache.client WHERE id = '${group}-${client}'`);
        const [name, args] = pick([['put', {id: id(), title: `by ${group}`}], ['drop', {id: id()}], ['nothing'], ['nothing']]);
        mutations.push({clientID: `${group}-${client}`, id: next, name, args});
      }
      return `SELECT replicache.apply_push(${literal(JSON.stringify({pushVersion: 1, clientGroupID: group, mutations}))}, ${literal(user)}, ${literal(space)})`;
    };
    const sql = await weigh([
      [writer.open ? 0 : 25, () => 'BEGIN'],
      [30, push],
      [10, () => `INSERT INTO item VALUES (${id()}, '${pick(['A', 'B'])}', ${1 + below(4)}, 'new') ON CONFLICT (id) DO UPDATE SET title = item.title || '.'`],
      [8, () => `UPDATE item SET title = 'changed ${below(100)}', list = ${1 + below(4)}, board = '${pick(['A', 'A', 'B'])}' WHERE id = ${id()}`],
      [6, () => `DELETE FROM item WHERE id = ${id()}`],
      [this.soft ? 6 : 0, () => `UPDATE item SET gone = NOT gone WHERE id = ${id()}`],
      [6, () => `UPDATE tag SET title = title || '.', board = '${pick(['A', 'B'])}' WHERE id = ${1 + below(9)}`],
      [this.kind === 'public' ? 0 : 8, () => (chance(50) ? `INSERT INTO share VALUES ('${pick(['ann', 'ben'])}', ${1 + below(4)}) ON CONFLICT DO NOTHING` : `DELETE FROM share WHERE user_id = '${pick(['ann', 'ben'])}' AND list = ${1 + below(4)}`)],
      [writer.open ? 6 : 0, () => 'SAVEPOINT s'],
      [writer.mark ? 5 : 0, () => 'ROLLBACK TO s'],
      [writer.open ? 25 : 0, () => 'COMMIT'],
      [writer.open ? 6 : 0, () => 'ROLLBACK'],
    ])();
    const {code, message} = await writer.session.run(sql);
    this.tally(code ? `write ${code}` : sql.split(/[ .(]/).slice(0, 3).join(' ').replace(/^(INSERT|UPDATE|DELETE) .*/, '$1'));
    if (code && !expected.test(code)) throw new Failure(`${code} ${message}, after ${sql}`);
    if (code && writer.open) await writer.session.must(writer.mark && code !== '40P01' ? 'ROLLBACK TO s' : 'ROLLBACK');
    if (sql === 'BEGIN') writer.open = true;
    else if (sql === 'SAVEPOINT s') writer.mark = true;
    else if (/^(COMMIT|ROLLBACK)$/.test(sql) || (code && (!writer.mark || code === '40P01'))) writer.open = writer.mark = false;
  }

  // Clients

  rearrange() {
    const {random: {pick, weigh, below}, clients} = this;
    const one = pick(clients);
    weigh([
      [3, () => clients.push(this.newClient())],
      [4, () => clients.push(this.newClient({...one, group: `g${++this.groups}`}))],  // a fork: another group, the same cookie
      [3, () => clients.push({...one})],  // a tab
      [4, () => Object.assign(one, pick([one, ...one.past]))],
      [2, () => (one.cookie = pick([0, 7, -3.5, 'x', 2 ** 40, {order: 3, version: 3}, {order: 'x', of: [null]}, true]))],
      [3, () => (one.cookie = one.cookie?.origin ? inOldOrder(one.cookie) : one.cookie)],
    ])();
    if (clients.length > 14) clients.splice(below(clients.length), 1);
  }

  async administer(control) {
    const {random: {pick, weigh}} = this;
    const sql = weigh([
      [3, () => "SELECT replicache.collect_garbage('0')"],
      [2, () => `DELETE FROM replicache.client WHERE id ~ '${pick(['1$', '2$', '[1-5]-1$'])}'`],  // as if they had been idle
      [2, () => 'SELECT replicache.new_epoch()'],
      [1, () => "SELECT replicache.resync('item')"],
      [1, () => 'TRUNCATE item'],
    ])();
    const {code, message} = await control.run(sql);
    if (code && code !== '55P03') throw new Failure(`${code} ${message}, after ${sql}`);
    this.tally(`${sql.split(/\(|WHERE/)[0].trim()}: ${code ?? 'ok'}`);
    if (code) return;
    if (/collect|DELETE/.test(sql)) this.collected++;
    if (/epoch/.test(sql)) {
      this.epoch++;
      this.collected++;
    }
  }

  // Pulls

  /** Clients of a space pull in one snapshot, together and each by itself. */
  async pullTogether(session) {
    const {random: {pick, chance}, clients} = this;
    const space = pick(this.spaces), user = this.kind === 'public' && chance(70) ? null : pick(['ann', 'ben']);
    const all = clients.filter(client => client.space === space && (user === null || client.user === user) && chance(85));
    const parts = new Map();
    for (const client of all) {
      const key = keyOf(client.cookie);
      parts.set(key, [...(parts.get(key) ?? []), client]);
    }
    const readOnly = this.kind === 'public' && chance(50);
    await session.must(`BEGIN ISOLATION LEVEL ${pick(['REPEATABLE READ', 'SERIALIZABLE'])}${readOnly ? ' READ ONLY' : ''}`);
    await session.must(`SET LOCAL ROLE ${role}; SET LOCAL replicache.page_size = '${pick(['0', '0', '2kB', '8kB'])}'`);
    const next = new Map();  // of each client: what it can go on with
    const cookies = new Set();
    for (const members of parts.values()) {
      const {cookie} = pick(members);
      const groups = [...members.map(({group}) => group), ...(chance(20) ? [`not on record ${this.groups}`, members[0].group] : [])];
      const answer = await this.ask(session, `pull_for(ARRAY[${groups.map(literal)}], ${cookie === null && chance(50) ? 'NULL' : literal(JSON.stringify(cookie))}, ${literal(space)}, ${literal(user)})`);
      this.tally(answer ? (answer.more ? 'page' : answer.patch[0]?.op === 'clear' ? 'complete' : answer.patch.length ? 'delta' : isEmpty(answer.lastMutationIDChanges) ? 'nothing' : 'only ids') : 'NULL');
      if (answer && !isDeepStrictEqual(answer.baseCookie, cookie)) throw new Failure(`the base is ${JSON.stringify(answer.baseCookie)}, not ${JSON.stringify(cookie)}`);
      if (answer?.cookie.confirmed) throw new Failure('the cookie of all has a member confirmed');
      if (members.length > 1) this.tally('several groups');
      for (const client of members) {
        const one = await this.ask(session, `pull(${literal(JSON.stringify({pullVersion: 1, clientGroupID: client.group, profileID: 'p', schemaVersion: '', cookie: client.cookie}))}, ${literal(client.user)}, ${literal(space)})`);
        const fresh = this.compare(client, one, answer);
        next.set(client, chance(70) && fresh ? fresh : one);
      }
      if (answer && !answer.more && this.kind === 'public' && withoutLsn(answer.cookie) !== keyOf(cookie) && !answer.cookie.at) cookies.add(withoutLsn({...answer.cookie, order: undefined}));
    }
    if (cookies.size > 1) throw new Failure(`in one snapshot, the new cookies are ${[...cookies].join(' and ')}`);
    await session.must(pick(['COMMIT', 'COMMIT', 'ROLLBACK']));
    for (const [client, answer] of next) {
      if (chance(20)) continue;  // the answer is lost
      const {group, cookie, epoch, source, collected} = client;
      client.past = [...client.past.slice(-4), {cookie, epoch, source, collected}];
      if (answer.error) Object.assign(client, {group: `g${++this.groups}`});
      else Object.assign(client, {cookie: answer.cookie, epoch: this.epoch, ...(answer.cookie.confirmed === cookie?.confirmed ? {} : {source: group, collected: this.collected})});
    }
  }

  async ask(session, call) {
    const [row] = await session.must(`SELECT a::text AS text, a ->> 'patch' AS patch FROM replicache.${call} a`);
    return row.text === null ? null : {...JSON.parse(row.text), patchText: row.patch};
  }

  /** Throws if the answer of pull_for, composed for the client, is not the one that it gets from pull. Returns the composed one. */
  compare(client, one, answer) {
    const {group, cookie} = client;
    const fail = (why, composed) => {
      throw new Failure(`${group} of ${client.user}, space "${client.space}", at ${JSON.stringify(cookie)}: ${why}. pull: ${JSON.stringify(one)} pull_for: ${JSON.stringify(answer)} composed: ${JSON.stringify(composed)}`);
    };
    const isOurs = typeof cookie === 'object' && cookie?.origin && 'lsn' in cookie;
    if (!answer) {
      if (!isOurs || client.epoch === this.epoch) fail('NULL');
      if (one.error !== 'ClientStateNotFound' && one.patch[0]?.op !== 'clear') fail('NULL, though the history is the same');
      return null;
    }
    if (isOurs && client.epoch !== this.epoch) fail('the cookie is of another history');
    if (one.error) fail(one.error);
    const {pullResponse} = JSON.parse(JSON.stringify(pokeOf(answer, group, cookie)));
    const composed = {...pullResponse, ...(answer.more ? {more: true} : {})};
    if (one.more !== composed.more) fail('more', composed);
    if (JSON.stringify(one.lastMutationIDChanges) !== JSON.stringify(composed.lastMutationIDChanges)) fail('lastMutationIDChanges', composed);
    if (one.patchText !== answer.patchText) fail('patch', composed);
    const same = cookie && JSON.stringify(inOldOrder(cookie)) === JSON.stringify(cookie) ? (a, b) => withoutLsn(inOldOrder(a)) === withoutLsn(inOldOrder(b)) : (a, b) => withoutLsn(a) === withoutLsn(b);
    if (same(one.cookie, composed.cookie)) return composed;
    // The differences that are documented.
    const isWithoutNews = !answer.confirmed[group] && isEmpty(composed.lastMutationIDChanges);
    if (isWithoutNews && composed.cookie.confirmed === cookie?.confirmed) {
      const isKept = isDeepStrictEqual(one.cookie, cookie) && one.patch.length === 0 && !isEmpty(answer.lastMutationIDChanges) && keyOf(answer.cookie) !== keyOf(cookie);
      if (isKept && this.clock === 'counter' && this.kind === 'public') fail('pull keeps the cookie', composed);
      if (isKept) {
        this.tally('pull keeps the cookie');
        return composed;
      }
      const mayBeStale = cookie?.confirmed && (client.source !== group || client.collected !== this.collected);
      if (mayBeStale && withoutLsn({...one.cookie, confirmed: undefined}) === withoutLsn({...composed.cookie, confirmed: undefined})) {
        this.tally('confirmed by another group, or by a client that is gone');
        return composed;
      }
    }
    return fail('cookie', composed);
  }
}

const control = new Session('control', {note() {}, fail() {}});
await control.open();
await control.must(`DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
await control.end();

let failed = 0;
console.log(`# pull_for: seed ${firstSeed}, ${rounds} rounds of ${steps} steps`);
console.log(`1..${rounds + 1}`);
for (let i = 0; i < rounds; i++) {
  const round = new Round(firstSeed + i);
  try {
    await round.run();
  } catch (error) {
    round.fail(error instanceof Failure ? error.message : error.stack);
  }
  await Promise.all(round.sessions.map(session => session.end()));
  console.log(`${round.failure ? 'not ok' : 'ok'} ${i + 1} - pull_for, seed ${round.seed}: ${round}`);
  if (!round.failure) continue;
  console.log(`# ${round.failure}\n${round.log.map(line => `#   ${line}`).join('\n')}`.replaceAll(/\n(?!#)/g, '\n# '));
  if (++failed === (process.env.VIEWS_MODULE ? 1 : 3)) break;
}

// A test of nothing would pass, too.
const outcomes = ['complete', 'delta', 'nothing', 'only ids', 'page', 'NULL', 'several groups', 'pull keeps the cookie', 'confirmed by another group, or by a client that is gone', 'SELECT replicache apply_push', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s'];
const never = failed || rounds < 12 ? [] : outcomes.filter(outcome => !count[outcome]);
console.log(`${never.length ? 'not ok' : 'ok'} ${rounds + 1} - everything has come about${never.length ? `, but for ${never.join(', ')}` : ''}`);
console.log(`# ${inspect(count, {sorted: true, breakLength: 150, compact: 40}).replaceAll('\n', '\n# ')}`);
if (failed || never.length) process.exitCode = 1;
