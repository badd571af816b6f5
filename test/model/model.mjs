// What push, pull, tracking and garbage collection mean, as a program that one can read: docs/replicache_push.md, docs/replicache_pull.md,
// docs/tracking.md and docs/operations.md without locks, triggers and speed.
//
// A space is a history of versions 1, 2, 3, …, one for each transaction that changed it, under every clock: what `time` and
// `transaction` call those versions is not the model's business.

export class SqlError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const temporary = /^(RE001|08|53|58|55P03|55006)/;
const raised = /^(40|57|XX|25006)/;

export class Model {
  marks = [];  // the state at BEGIN and at each SAVEPOINT

  /** `tables`: name → {key(row), space(row), bySpace, value(row), gone?(row), check?(row)}; `mutators`: name → (model, args, context) => void. */
  constructor({tables, mutators}, spaces) {
    Object.assign(this, {tables, mutators});
    const each = value => Object.fromEntries(Object.keys(tables).map(name => [name, structuredClone(value)]));
    this.state = {
      spaces: Object.fromEntries(spaces.map(id => [id, {version: 0, floor: 0}])),
      stamped: {},     // the spaces to which the current transaction has given a version
      rows: each({}),  // table → id → {row, version}
      added: each({}),  // columns that came later, with their defaults
      tracked: each(true),
      tombstones: [],  // {space, version, key}
      groups: {},      // id → {user, space}
      clients: {},     // id → {group, lastMutationID, version}
      forgotten: [],   // clients that garbage collection took
      errors: [],
    };
  }

  // Transactions. An error undoes what came after the last savepoint, or everything.

  mark() { this.marks.push(structuredClone(this.state)); }
  release() { this.marks.pop(); }
  rollbackTo() { this.state = structuredClone(this.marks.at(-1)); }
  rollback() { [this.state] = this.marks.splice(0); }
  commit() {
    this.marks = [];
    this.state.stamped = {};
  }

  statement(work) {
    const before = structuredClone(this.state);
    let answer;
    try {
      answer = work(this);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (this.marks.length > 1) this.rollbackTo();
      else if (this.marks.length) this.rollback();
      else this.state = before;
      return {sqlstate: error.code};
    }
    if (!this.marks.length) this.commit();
    return answer ?? {};
  }

  // Writes. All changes of a transaction in a space have one version.

  space(id) { return this.state.spaces[id] ?? {version: 0, floor: 0}; }

  stamp(id) {
    const space = this.state.spaces[id] ??= this.space(id);
    if (!this.state.stamped[id]) space.version++;
    this.state.stamped[id] = true;
    return space.version;
  }

  store(name, row) {
    this.state.rows[name][row.id] = {row, version: this.state.tracked[name] ? this.stamp(this.tables[name].space(row)) : 0};
  }

  bury(name, row) {
    const {key, space} = this.tables[name];
    if (this.state.tracked[name]) this.state.tombstones.push({space: space(row), version: this.stamp(space(row)), key: key(row)});
    delete this.state.rows[name][row.id];
  }

  get(name, id) { return this.state.rows[name][id]?.row; }
  all(name) { return Object.values(this.state.rows[name]).map(({row}) => row); }

  insert(name, values) {
    if (this.get(name, values.id)) throw new SqlError('23505');
    this.tables[name].check?.(values);
    this.store(name, {...values, ...this.state.added[name]});
  }

  /** An UPDATE that changes nothing keeps the version. One of the key or the space leaves a tombstone, as a DELETE does. */
  update(name, id, changes) {
    const {key, space, check} = this.tables[name];
    const old = this.get(name, id);
    const row = {...old, ...changes};
    if (Object.keys(changes).every(column => row[column] === old[column])) return;
    check?.(row);
    if (row.id !== old.id && this.get(name, row.id)) throw new SqlError('23505');
    if (key(old) !== key(row) || space(old) !== space(row)) this.bury(name, old);
    this.store(name, row);
  }

  /** INSERT … ON CONFLICT DO UPDATE, which uses up a version of the space that it names. */
  upsert(name, values) {
    if (!this.get(name, values.id)) return this.insert(name, values);
    if (this.state.tracked[name]) this.stamp(this.tables[name].space(values));
    this.update(name, values.id, values);
  }

  // What is not told row by row: the next pull of every client of the spaces concerned is complete.

  raiseFloor(name) {
    for (const id of this.tables[name].bySpace ? Object.keys(this.state.spaces) : ['']) {
      const version = this.stamp(id);
      this.state.spaces[id].floor = version;
    }
  }

  truncate(name) {
    this.state.rows[name] = {};
    if (this.state.tracked[name]) this.raiseFloor(name);
  }

  track(name) {
    this.state.tracked[name] = true;
    for (const row of this.all(name)) this.state.spaces[this.tables[name].space(row)] ??= {version: 0, floor: 0};
    this.raiseFloor(name);
  }

  untrack(name) {
    if (!this.state.tracked[name]) throw new SqlError('42704');
    const rows = structuredClone(this.state.rows[name]);
    for (const row of this.all(name)) this.bury(name, row);
    this.state.rows[name] = rows;
    this.state.tracked[name] = false;
  }

  resync(name) {
    if (!this.state.tracked[name]) throw new SqlError('42704');
    this.raiseFloor(name);
  }

  addColumn(name, column, value) {
    this.state.added[name][column] = value;
    for (const row of this.all(name)) row[column] = value;
  }

  // Push

  push({pushVersion, clientGroupID, clientID, mutations, malformed}, user, space) {
    if (malformed) throw new SqlError('22023');
    if (pushVersion > 1) return {error: 'VersionNotSupported', versionType: 'push'};
    const group = clientGroupID ?? clientID;
    this.authorize(group, user, space);
    for (const {clientID: client = clientID} of mutations) if ((this.state.clients[client]?.group ?? group) !== group) throw new SqlError('42501');
    this.state.spaces[space] ??= this.space(space);  // on first use, whatever comes of it

    const answer = {version: 0, applied: 0, skipped: 0, rejected: [], halted: null};
    for (const {clientID: client = clientID, id, name, args} of mutations) {
      const expected = (this.state.clients[client]?.lastMutationID ?? 0) + 1;
      if (id < expected) {
        answer.skipped++;
        continue;
      }
      if (this.state.forgotten.includes(client) || (id > expected && !this.state.clients[client])) return {error: 'ClientStateNotFound'};
      if (id > expected) {
        answer.halted = {clientID: client, id, reason: 'outOfOrder', expected};
        break;
      }
      const code = this.mutate(name, args ?? {}, {user, space, group, client, id});
      if (raised.test(code)) throw new SqlError(code);
      if (temporary.test(code)) {
        answer.halted = {clientID: client, id, reason: 'temporary', name, code, defect: false};
        break;
      }
      if (code) {
        answer.rejected.push({clientID: client, id, name, code});
        this.state.errors.push([space, user, group, client, id, name, args ?? null, code]);
      } else answer.applied++;
      this.state.groups[group] ??= {user, space};
      this.state.clients[client] = {group, lastMutationID: id, version: this.stamp(space)};
    }
    answer.version = this.space(space).version;
    return answer;
  }

  /** `user` is undefined for pull_since, which does not ask. */
  authorize(group, user, space) {
    const owner = this.state.groups[group];
    if (owner && ((user !== undefined && owner.user !== user) || owner.space !== space)) throw new SqlError('42501');
  }

  /** The SQLSTATE with which it failed, and then without any effect; undefined when it succeeded. */
  mutate(name, args, context) {
    const before = structuredClone(this.state);
    try {
      if (!this.mutators[name]) throw new SqlError('42883');
      this.mutators[name](this, args, context);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.state = before;
      return error.code;
    }
  }

  // Pull

  pull({pullVersion, clientGroupID, clientID, cookie}, user, space) {
    const known = cookie <= this.space(space).version ? cookie : null;  // what this history has not given asks for everything
    const {lastMutationIDChanges, ...answer} = this.pullSince(known, clientGroupID ?? clientID, space, user);
    return pullVersion === 0 ? {...answer, lastMutationID: this.state.clients[clientID]?.lastMutationID ?? 0} : {...answer, lastMutationIDChanges};
  }

  /** `cookie`: a version of the space, or null. The patch as {clear, del, put}. */
  pullSince(cookie, group, space, user) {
    this.authorize(group, user, space);
    const {version, floor} = this.space(space);
    if (cookie > version) return {error: 'ClientStateNotFound'};
    const clear = cookie === null || cookie < floor;
    const changed = each => clear || each.version > cookie;
    const clients = Object.entries(this.state.clients).filter(([, client]) => client.group === group && changed(client));
    const entries = Object.entries(this.tables).filter(([name]) => this.state.tracked[name]).flatMap(([name, {key, space, value, gone}]) =>
      Object.values(this.state.rows[name]).map(({row, version}) => ({version, space: space(row), key: key(row), value: value(row), gone: gone?.(row)})));
    const [gone, there] = [true, false].map(wanted => entries.filter(each => !!each.gone === wanted && each.space === space && changed(each)));
    const dead = [...gone, ...this.state.tombstones.filter(each => each.space === space && changed(each))];
    return {
      cookie: version,
      lastMutationIDChanges: Object.fromEntries(clients.map(([id, {lastMutationID}]) => [id, lastMutationID])),
      clear,
      del: clear ? [] : [...new Set(dead.map(({key}) => key))].sort(),
      put: Object.fromEntries(there.map(({key, value}) => [key, value])),
    };
  }

  /** With an idle time of zero, what there is is old enough. Whoever might miss a tombstone gets everything. */
  collectGarbage() {
    const {clients, groups, tombstones, errors, forgotten} = this.state;
    const counts = {clients: Object.keys(clients).length, clientGroups: Object.keys(groups).length, tombstones: tombstones.length, errors: errors.length};
    for (const {space, version} of tombstones) this.state.spaces[space].floor = Math.max(this.space(space).floor, version);
    Object.assign(this.state, {clients: {}, groups: {}, tombstones: [], errors: [], forgotten: [...forgotten, ...Object.keys(clients)]});
    return counts;
  }
}
