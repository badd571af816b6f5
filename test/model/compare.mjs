// Runs one program against the server and the model, step by step, and compares: the answer, the tables, who has pushed how far,
// what was rejected, the complete view of every space, and what each viewer has after a pull.
import {isDeepStrictEqual} from 'node:util';
import pg from 'pg';
import {mutators, tables, writes} from './app.mjs';
import {Model} from './model.mjs';
import {groups, spaces, viewers} from './program.mjs';

const literal = value => (value === null || value === undefined ? 'NULL' : typeof value === 'string' ? pg.escapeLiteral(value) : String(value));
const sorted = object => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

export class Difference extends Error {
  constructor(what, expected, actual) {
    super(what);
    Object.assign(this, {expected, actual});
  }
}

function same(what, expected, actual) {
  if (!isDeepStrictEqual(expected, actual)) throw new Difference(what, expected, actual);
}

/** Of a cookie, or a number of `pull_since`. */
const versionOf = cookie => cookie?.version ?? cookie;

/** An answer to a pull in the form of the model's. */
function read(answer) {
  if (!answer.patch) return answer;
  const {patch, ...rest} = answer;
  const kinds = patch.map(({op}) => ['clear', 'del', 'put'].indexOf(op));
  if (kinds.some((kind, i) => kind < (kinds[i - 1] ?? 0)) || kinds.lastIndexOf(0) > 0) throw new Difference('the order of a patch', 'clear, del, put', patch);
  const put = patch.filter(({op}) => op === 'put');
  const del = patch.filter(({op}) => op === 'del').map(({key}) => key).sort();
  // A row that has a tombstone, and is back and soft deleted, is deleted twice.
  const once = [put.map(({key}) => key), del.filter(key => !key.startsWith('page/'))];
  for (const keys of once) if (new Set(keys).size < keys.length) throw new Difference('a key twice in a patch', 'once', patch);
  return {...rest, clear: patch[0]?.op === 'clear', del: [...new Set(del)], put: Object.fromEntries(put.map(({key, value}) => [key, value]))};
}

export class Comparison {
  constructor(db, program, count) {
    Object.assign(this, {db, program, count});
    this.model = new Model({tables, mutators}, spaces.filter(space => program.clocks[space]));
    this.viewers = viewers.map(() => ({cookie: null, view: {}}));
    this.cookies = Object.fromEntries(spaces.map(space => [space, new Map()]));  // version of the model → cookie
    this.script = [];
  }

  /** Throws a Difference, after which `script` is the way to it. */
  async run() {
    for (const reset of ['model_tables()', `model_reset(${literal(JSON.stringify(this.program.clocks))})`]) {
      const failure = await this.query(`SELECT ${reset}`);
      if (failure) throw new Error(failure.message);
    }
    for (const step of this.program.steps) {
      await this[step.do](step);
      await this.compareStates();
    }
  }

  get inTransaction() { return this.model.marks.length > 0; }

  /** The first column of the first row, or {sqlstate}. */
  async query(sql, shown = [`${sql};`]) {
    this.script.push(...shown);
    try {
      const result = await this.db.query(sql);
      return Object.values(result.rows?.[0] ?? {})[0];
    } catch (error) {
      if (!error.code) throw error;
      if (this.inTransaction) {
        const undo = this.model.marks.length > 1 ? 'ROLLBACK TO s' : 'ROLLBACK';
        this.script.push(`${undo};  -- after the error`);
        await this.db.query(undo);
      }
      return {sqlstate: error.code, message: error.message};
    }
  }

  tally(what) { this.count[what] = (this.count[what] ?? 0) + 1; }

  // Steps

  async control(sql, possible, method) {
    if (!possible) return;
    await this.query(sql);
    this.model[method]();
    this.tally(sql);
  }

  begin() { return this.control('BEGIN', !this.inTransaction, 'mark'); }
  savepoint() { return this.control('SAVEPOINT s', this.inTransaction, 'mark'); }
  release() { return this.control('RELEASE s', this.model.marks.length > 1, 'release'); }
  rollbackTo() { return this.control('ROLLBACK TO s', this.model.marks.length > 1, 'rollbackTo'); }
  rollback() { return this.control('ROLLBACK', this.inTransaction, 'rollback'); }
  commit() { return this.control('COMMIT', this.inTransaction, 'commit'); }

  async statement(what, sql, work) {
    const actual = await this.query(sql);
    const expected = this.model.statement(work);
    same(`${what}: SQLSTATE (${actual?.message})`, expected?.sqlstate, actual?.sqlstate);
    this.tally(`${what} ${expected?.sqlstate ?? 'ok'}`);
    return [expected, actual];
  }

  async write({name, args}) {
    const [template, work] = writes[name];
    const sql = template.replace('TRUNCATE :table', `TRUNCATE ${args.table}`).replace(/:(\w+)/g, (_, arg) => literal(args[arg]));
    await this.statement(name, sql, model => void work(model, args));
  }

  async addColumn({table, column, value}) {
    const tracked = this.model.state.tracked[table];
    const sql = `ALTER TABLE ${table} ADD COLUMN ${column} int NOT NULL DEFAULT ${value}${tracked ? `; SELECT replicache.resync('${table}')` : ''}`;
    await this.statement('addColumn', sql, model => {
      model.addColumn(table, column, value);
      if (tracked) model.resync(table);
    });
  }

  /** Not within a transaction, to which nothing of its own is old. */
  async collectGarbage({idle}) {
    if (this.inTransaction) return;
    const none = {clients: 0, clientGroups: 0, tombstones: 0, errors: 0};
    const [expected, actual] = await this.statement(`collectGarbage ${idle}`, `SELECT replicache.collect_garbage('${idle}')`, model => (idle === '0' ? model.collectGarbage() : none));
    same('what garbage collection removed', expected, actual);
    if (expected.tombstones) this.tally('tombstones collected');
    for (const [viewer, {cookie}] of this.viewers.entries()) if (cookie) await this.pull({viewer});  // who needs what was removed comes back at once
  }

  async push({group: index, mutations, malformed, version, stranger, ...step}) {
    const {group, clients, legacy, ...owner} = groups[index];
    const {user, space} = {...owner, ...step};
    const next = {};
    const list = mutations.map(({client: own, ahead, name, args}) => {
      const client = legacy ? own : stranger ?? own;
      next[client] ??= (this.model.state.clients[client]?.lastMutationID ?? 0) + 1;
      const id = Math.max(0, next[client] + ahead);
      if (ahead === 0) next[client]++;
      return {...(!legacy && {clientID: client}), id, name, ...(args && {args})};
    });
    const request = {pushVersion: version ?? (legacy ? 0 : 1), ...(legacy ? {clientID: group} : {clientGroupID: group}), mutations: list};
    const spoilt = structuredClone(request);
    if (malformed === 'mutations') spoilt.mutations = {};
    else if (malformed === 'group') delete spoilt[legacy ? 'clientID' : 'clientGroupID'];
    else if (malformed === 'id') spoilt.mutations.push({...spoilt.mutations[0], clientID: 'c1', name: 'who', id: '1'});
    else if (malformed === 'fraction') spoilt.mutations.push({clientID: 'c1', name: 'who', id: 1.5});
    else if (malformed === 'name') spoilt.mutations.push({clientID: 'c1', name: null, id: 1});

    const [expected, actual] = await this.statement('push',
      `SELECT replicache.apply_push(${literal(JSON.stringify(spoilt))}, ${literal(user)}, ${literal(space)})`,
      model => model.push({...request, malformed}, user, space));
    if (expected.sqlstate) return;
    for (const failure of [...(actual.rejected ?? []), actual.halted ?? {}]) for (const text of ['message', 'detail', 'hint']) delete failure[text];
    if (actual.version !== undefined) {
      this.compareCookie(space, expected.version, actual.version, 'the version of a push');
      expected.version = actual.version;
    }
    same('the answer to a push', expected, actual);
    for (const outcome of ['applied', 'skipped']) if (expected[outcome]) this.tally(outcome);
    if (expected.rejected?.length) this.tally('rejected');
    this.tally(expected.error ?? expected.halted?.reason ?? 'not halted');
  }

  async pull({viewer: index, cookie: other, ...step}) {
    const {group, user, space, by} = {...viewers[index], ...step};
    const viewer = this.viewers[index];
    let cookie = versionOf(viewer.cookie?.real) === 0 ? null : viewer.cookie;  // 0 asks for everything, too
    if (other === 'null') cookie = null;
    else if (other === 'future') cookie = {model: Infinity, real: 9e15};

    const name = `cookie${index}`;
    const request = `{"pullVersion":${by === 'V0' ? 0 : 1},"${by === 'V0' ? 'clientID' : 'clientGroupID'}":"${group}","lastMutationID":0,"cookie":%s}`;
    const sql = value => by === 'pull_since'
      ? `SELECT replicache.pull_since((${value})::bigint, ${literal(group)}, ${literal(space)})`
      : `SELECT replicache.pull(format(${literal(request)}, coalesce(${value}, 'null'))::json, ${literal(user)}, ${literal(space)})`;
    const real = cookie && JSON.stringify(cookie.real);
    const keep = !other && !this.inTransaction && [`SELECT :'answer'::json ->> 'cookie' AS ${name} \\gset`, '\\echo :answer'];
    const actual = await this.query(sql(literal(real)),
      keep ? [`${sql(cookie ? `:'${name}'` : 'NULL')} AS answer \\gset`, ...keep] : [`${sql(cookie && !other ? `:'${name}'` : literal(real))};`]);
    const ask = version => this.model.statement(model => by === 'pull_since'
      ? model.pullSince(version, group, space)
      : model.pull({pullVersion: by === 'V0' ? 0 : 1, [by === 'V0' ? 'clientID' : 'clientGroupID']: group, cookie: version}, user, space));
    let expected = ask(cookie?.model ?? null);
    // Somebody else on this server, autovacuum for one, was at work when the cookie was made: after garbage collection, that is not good enough.
    if (cookie?.real.inProgress?.length && expected.clear === false && actual.patch?.[0]?.op === 'clear') expected = ask(null);
    this.tally(`pull ${expected.sqlstate ?? expected.error ?? (expected.clear ? 'complete' : 'delta')}`);
    if (expected.sqlstate) return same('pull: SQLSTATE', expected.sqlstate, actual.sqlstate);

    if (expected.error) return same('the answer to a pull', expected, actual);

    const answer = read(actual);
    const repeats = by === 'pull_since' && this.program.clocks[space] === 'transaction';  // sends a change at least once
    if (!repeats) same('the answer to a pull', {...expected, cookie: answer.cookie}, {...answer});
    if (this.inTransaction || other) return;
    this.compareCookie(space, expected.cookie, answer.cookie, 'the cookie of a pull');
    this.compareCookies(cookie?.real ?? 0, answer);
    viewer.cookie = {model: expected.cookie, real: answer.cookie};
    if (answer.clear) viewer.view = {};
    for (const key of answer.del) delete viewer.view[key];
    Object.assign(viewer.view, answer.put);
    same(`the view of ${group} after a pull`, this.model.pullSince(null, null, space).put, sorted(viewer.view));
  }

  /** A viewer's cookie stays as it is when it gets nothing, and grows when it gets something. */
  compareCookies(before, {cookie, clear, del, put, lastMutationIDChanges}) {
    const order = each => each.order ?? each;
    const nothing = !clear && !del.length && !Object.keys(put).length && !Object.keys(lastMutationIDChanges ?? {}).length;
    if (nothing && lastMutationIDChanges && cookie.xmax) same('the cookie of a pull that brought nothing', before, cookie);
    else if (order(cookie) < order(before)) throw new Difference('the order of cookies', before, cookie);
  }

  /** A version has one cookie and later versions have greater ones; those of `counter` are the model's own. With `transaction`, it is not about versions. */
  compareCookie(space, version, cookie, what) {
    const clock = this.program.clocks[space];
    if (clock === 'transaction' || this.inTransaction) return;
    const known = this.cookies[space];
    const real = versionOf(cookie);
    for (const [other, there] of known) same(`${what} in the space "${space}": order`, Math.sign(version - other), Math.sign(real - there));
    known.set(version, real);
    if (clock !== 'time') same(`${what} in the space "${space}"`, version, real);
  }

  async compareStates() {
    const {rows: [[actual]]} = await this.db.query({text: 'SELECT model_state()', rowMode: 'array'});
    const {state} = this.model;
    const list = object => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const name in tables) {
      const byId = rows => sorted(Object.fromEntries(rows.map(row => [row.id, sorted(row)])));
      same(`the table ${name}`, byId(this.model.all(name)), byId(actual.rows[name] ?? []));
    }
    same('replicache.client_group', list(state.groups).map(([id, {user, space}]) => [id, user, space]), actual.groups ?? []);
    same('replicache.client', list(state.clients).map(([id, {group, lastMutationID}]) => [id, group, lastMutationID]), actual.clients ?? []);
    same('replicache.forgotten_client', state.forgotten.toSorted(), actual.forgotten ?? []);
    same('replicache.mutation_error', state.errors, actual.errors ?? []);
    for (const space of spaces) {
      const {cookie, put} = read(actual.views[space]);
      same(`the complete view of the space "${space}"`, sorted(this.model.pullSince(null, null, space).put), sorted(put));
      this.compareCookie(space, this.model.space(space).version, cookie, 'the version of a space');
    }
  }
}
