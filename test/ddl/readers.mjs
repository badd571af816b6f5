// Clients that pull: whether each answer can be, and what they have in the end.
import {Failure} from './session.mjs';
import {isKnown} from './types.mjs';

const sorted = value => (Array.isArray(value) ? value.map(sorted) : value && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])])) : value);
export const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** Of the row with this id, which a rough migration may have called key when track_table came. What is no column of every table may have been of any type. */
function checkRow(where, id, row) {
  if (row === null || typeof row !== 'object') throw new Failure(`${where}: ${id} is ${JSON.stringify(row)}`);
  for (const [column, value] of Object.entries(row)) {
    const fits = column === 'id' || column === 'key' ? value === id : column === 'owner' ? value === 'u' : column === 'tag' ? Number.isInteger(value) && value > 0 && value < 1e8 : isKnown(value);
    if (!fits) throw new Failure(`${where}: ${id} has ${column} ${JSON.stringify(value)}`);
  }
}

function checkPatch(where, patch) {
  for (const {op, key, value} of patch) {
    if (op === 'clear') continue;
    const [table, id, ...more] = key.split('/');
    if (!/^(a|b|ledger|p|u1|u2)(_aside)?$/.test(table) || !/^[a-z0-9-]+$/.test(id) || more.length) throw new Failure(`${where}: key ${key}`);
    if (op === 'put') checkRow(where, id, value);
  }
}

export class Viewer {
  constructor(session, space) {
    Object.assign(this, {session, space, cookie: null, view: new Map()});
  }

  async pull(kind = 'read') {
    const request = JSON.stringify({pullVersion: 1, clientGroupID: `viewer of ${this.space}`, cookie: this.cookie, profileID: 'p', schemaVersion: ''});
    const {rows} = await this.session.client(kind, 'SELECT replicache.pull($1, NULL, $2) AS answer', [request, this.space]);
    if (!rows) return false;
    const [{answer}] = rows;
    if (answer.error) throw new Failure(`${this.session.name}: ${JSON.stringify(answer)}`);
    checkPatch(this.session.name, answer.patch);
    for (const {op, key, value} of answer.patch) {
      if (op === 'clear') this.view.clear();
      else if (op === 'put') this.view.set(key, value);
      else this.view.delete(key);
    }
    this.cookie = answer.cookie;
    return true;
  }
}

const registry = 'SELECT relation::oid::int8 AS oid, key, value, space_column AS space, version_column AS version, xmin::text FROM replicache.tracked_table ORDER BY 1';

/** The rows that a pull tells, by key, read by plain SQL. Null: the session cannot tell. */
export async function rowsOf(session, {oid, key, version}, where = 'true') {
  const name = await session.run('SELECT oid::regclass::text AS name, relkind FROM pg_class WHERE oid = $1', [oid]);
  if (!name.rows?.length) return null;
  const [{name: table, relkind}] = name.rows;
  if (/^[0-9]/.test(table)) return null;  // gone since the snapshot
  const {rows} = await session.run(`SELECT to_jsonb(t) - '${version}' AS value FROM ${relkind === 'p' ? '' : 'ONLY '}${table} t WHERE ${where}`);
  return !rows ? null : new Map(rows.map(({value}) => [key.replace('{id}', value.id), value]));
}

// What the locks of a pull do not hold back.
const unlocked = `SELECT xmin::text, inhrelid::int8 AS what FROM pg_inherits WHERE inhparent = to_regclass('p') UNION ALL SELECT xmin::text, attnum FROM pg_attribute WHERE attrelid = 'pair'::regclass
  UNION ALL SELECT xmin::text, oid::int8 FROM pg_enum ORDER BY 2, 1`;
const stateOf = async control => [await control.must(registry), await control.must(unlocked)];

/** In a transaction that keeps its snapshot and the locks of the pull, plain SQL shows just what the pull shows. */
export async function comparePull(session, control, space) {
  const state = await stateOf(control), [before] = state;
  await session.must('BEGIN ISOLATION LEVEL REPEATABLE READ');
  if (session.round.random.chance(50)) await session.must('SELECT 1');
  const {rows} = await session.client('read', 'SELECT replicache.pull_since(0, space => $1) AS answer', [space]);
  const truth = [];
  const plain = before.filter(table => table.value === null && (table.space === null) === (space === ''));
  if (rows)
    for (const table of plain) truth.push(await rowsOf(session, table, space === '' ? 'true' : `owner = '${space}'`));
  const after = await stateOf(control);
  await session.must('ROLLBACK');
  if (!rows) return;
  checkPatch(session.name, rows[0].answer.patch);
  if (!same(state, after) || truth.includes(null)) return;
  const puts = rows[0].answer.patch.filter(({op}) => op === 'put');
  plain.forEach(({key}, i) => {
    const prefix = key.slice(0, key.indexOf('{'));
    const told = new Map(puts.filter(put => put.key.startsWith(prefix)).map(put => [put.key, put.value]));
    for (const each of new Set([...told.keys(), ...truth[i].keys()]))
      if (!same(told.get(each), truth[i].get(each)))
        throw new Failure(`${session.name}: of ${each}, the pull told ${JSON.stringify(told.get(each))}, the table has ${JSON.stringify(truth[i].get(each))}`);
  });
  session.round.tally('pull compared');
}

/** A device of the protocol in which a user's data has one head. */
export class Device {
  constructor(session) {
    Object.assign(this, {session, head: -1, view: new Map()});
  }

  async pull(kind = 'read') {
    const {rows} = await this.session.client(kind, "SELECT mutation_at AS head, body FROM replicache.sync_pull($1, 'u', page_limit => 1000)", [this.head]);
    if (!rows) return false;
    const [{head, body}] = rows;
    if (body.data.hasMore) throw new Failure(`${this.session.name}: more than a page`);
    for (const {type, resource, resourceId, data, timestamp} of body.data.mutations) {
      const key = `${resource}/${resourceId}`;
      if (!Number.isInteger(timestamp) || timestamp > head) throw new Failure(`${this.session.name}: ${key} at ${timestamp}, head ${head}`);
      if (type === 'DELETE') {
        this.view.delete(key);
        continue;
      }
      checkRow(this.session.name, resourceId, data);
      this.view.set(key, data);
    }
    this.head = head;
    return true;
  }

  async push(mutation) {
    const {rows} = await this.session.client('push', "SELECT status, mutation_at AS head, body FROM replicache.sync_push($1, $2, 'u')", [JSON.stringify({mutations: [mutation]}), this.head]);
    if (!rows) return;
    const [{status, head, body}] = rows;
    this.session.round.tally(`sync_push ${status}`);
    if (status !== 200) return;
    for (const {type, resource, resourceId, data} of body.data.mutations)
      if (type === 'DELETE') this.view.delete(`${resource}/${resourceId}`);
      else {
        checkRow(this.session.name, resourceId, data);
        this.view.set(`${resource}/${resourceId}`, data);
      }
    this.head = head;
  }
}

/** When all is quiet. */
export async function checkEnd(control, viewers, device, rough) {
  const {round} = control;
  if (rough) return;
  for (const viewer of viewers) if (!(await viewer.pull())) throw new Failure(`${viewer.session.name} cannot pull in the end`);
  const tables = await control.must(registry);
  for (const {space, view, session} of viewers) {
    const truth = new Set();
    for (const table of tables.filter(each => (each.space === null) === (space === '')))
      for (const key of (await rowsOf(control, table, space === '' ? 'true' : `owner = '${space}'`)).keys()) truth.add(key);
    const extra = [...view.keys()].filter(key => !truth.has(key)), missing = [...truth].filter(key => !view.has(key));
    if (extra.length || missing.length) throw new Failure(`${session.name} in the end: it lacks ${missing}, and has ${extra}`);
    round.tally('views compared');
  }
  if (!(await device.pull())) throw new Failure('the device cannot pull in the end');
  const fresh = new Device(control);
  await fresh.pull();
  // The protocol cannot tell that a table was truncated or dropped; see docs/last_mutation_at.md.
  const lost = [...fresh.view.keys()].filter(key => !device.view.has(key));
  if (lost.length) throw new Failure(`the device lacks ${lost} in the end`);
  // What ALTER TABLE has done to values, clients learn after resync().
  for (const {oid} of tables) await control.must('SELECT replicache.resync($1::oid::regclass)', [oid]);
  for (const viewer of viewers) {
    await viewer.pull();
    for (const table of tables.filter(each => each.value === null && (each.space === null) === (viewer.space === '')))
      for (const [key, value] of await rowsOf(control, table, viewer.space === '' ? 'true' : `owner = '${viewer.space}'`))
        if (!same(viewer.view.get(key), value)) throw new Failure(`${viewer.session.name} in the end: ${key} is ${JSON.stringify(viewer.view.get(key))}, not ${JSON.stringify(value)}`);
  }
}
