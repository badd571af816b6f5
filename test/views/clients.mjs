// Clients with cookies of their own, and what must hold for each answer.
import {isDeepStrictEqual} from 'node:util';
import {Failure} from '../ddl/session.mjs';
import {roles} from './app.mjs';
import {lacks} from './snapshot.mjs';

const nothing = {cookie: null, view: new Map(), ids: {}};
const literal = value => (value === null || value === undefined ? 'NULL' : `'${value.replaceAll("'", "''")}'`);

export class Client {
  /** `state`: what it has: a cookie, the entries, lastMutationIDs; of an earlier client, maybe. */
  constructor(round, {group, user, space, role = roles[0], state = nothing}) {
    Object.assign(this, {round, group, user, space, role, state, past: []});
  }

  /** The cookie was given to somebody else, or the client has thrown away what came with it. */
  get foreign() { return this.state.cookie !== null && this.state.owner !== this.user; }
  get name() { return `${this.group} of ${this.user}`; }
  fail(message) {
    throw new Failure(`${this.name}, space "${this.space}": ${message}`);
  }

  // What clients do besides pulling. The state stays as it is: another group, or another tab, begins with it.

  fork() { return new Client(this.round, {...this, group: this.round.newGroup(), state: {...this.state, ids: {}}}); }
  tab() { return new Client(this.round, {...this, state: this.state}); }
  /** Somebody else uses the browser, whose cookie belongs to the first user. */
  changeUser(user) {
    return Object.assign(this.fork(), {user});
  }
  goBack() { this.state = this.round.random.pick([this.state, ...this.past]); }

  // Pulls

  async pull(session, how) {
    const {round} = this;
    const body = {pullVersion: 1, clientGroupID: this.group, profileID: 'p', schemaVersion: '', cookie: this.state.cookie};
    const pull = `SELECT replicache.pull(${literal(JSON.stringify(body))}, ${literal(this.user)}, ${literal(this.space)}) AS answer`;
    let result;
    if (how === 'plain') {  // in a transaction of its own; nothing happens before the SELECT
      await session.must(`SET ROLE ${this.role}`);
      result = await session.run(pull);
      await session.must('RESET ROLE');
      if (!result.code) await session.must('BEGIN ISOLATION LEVEL REPEATABLE READ');
    } else {
      await session.must(`BEGIN ISOLATION LEVEL ${how === 'serializable' ? 'SERIALIZABLE' : 'REPEATABLE READ'}${how === 'read only' ? ' READ ONLY' : ''}`);
      await session.must(`SET LOCAL ROLE ${this.role}`);
      result = await session.run(pull);
      if (result.code) await session.must('ROLLBACK');
    }
    round.tally(`pull, ${how}: ${result.code ?? 'ok'}`);
    if (result.code === '25006' && how === 'read only') return this.repeatOnPrimary(session);
    if (result.code === '42501' && this.foreign) return;  // the group has pushed as another user
    if (result.code) this.fail(`${result.code} ${result.message}, ${how}`);

    const truth = await this.truth(session);
    await session.must(how === 'rolled back' ? 'ROLLBACK' : 'COMMIT');
    const {answer} = result.rows[0];
    if (answer.error) return this.startAfresh(answer);
    const next = this.apply(answer, {...truth, own: how === 'plain' ? null : truth.xid, recorded: how !== 'rolled back', noted: !['rolled back', 'read only'].includes(how)});
    if (round.random.chance(20)) return;  // the answer is lost
    this.past = [...this.past.slice(-4), this.state];
    this.state = next;
  }

  /** pull_since knows no user, and what its caller has of private tables. So it gives everything, or nothing. */
  async pullSince(session) {
    const {app} = this.round;
    const sql = version => `SELECT replicache.pull_since(${version}, ${literal(this.group)}, ${literal(this.space)}) AS answer`;
    await session.must('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await session.must(`SET LOCAL ROLE ${this.role}`);
    const [{answer}] = await session.must(sql('NULL'));
    const nobody = new Client(this.round, {...this, user: null});
    const {view} = await nobody.truth(session);
    const puts = Object.fromEntries(answer.patch.filter(({op}) => op === 'put').map(({key, value}) => [key, value]));
    if (app.tracking !== 'public') nobody.compare('the view of pull_since', Object.fromEntries(view), puts);
    const isViewed = !['public', 'none'].includes(app.tracking) || app.shares === 'private';
    const {code} = await session.run(sql(answer.cookie));
    if (code !== (isViewed ? '0A000' : undefined)) this.fail(`pull_since with a number: ${code}`);
    await session.must('ROLLBACK');
    this.round.tally('pull_since');
  }

  /** What the role sees in the snapshot, and how far the clients of the group are. */
  async truth(session) {
    const [now] = await session.must(`SELECT pg_current_snapshot()::text AS snapshot, pg_current_xact_id_if_assigned()::text AS xid,
      set_config('app.user', ${literal(this.user ?? '')}, true), set_config('app.group', ${literal(this.group)}, true)`);
    await session.must(`SET LOCAL ROLE ${this.role}`);
    const [{truth}] = await session.must(this.round.app.truth(this.space));
    await session.must('RESET ROLE');
    const rows = await session.must(`SELECT id, last_mutation_id FROM replicache.client WHERE client_group_id = ${literal(this.group)}`);
    return {...now, view: new Map(Object.entries(truth)), ids: Object.fromEntries(rows.map(row => [row.id, row.last_mutation_id]))};
  }

  /** The pull could not be recorded. So it has to be when it is repeated. */
  async repeatOnPrimary(session) {
    const {view} = this.state.cookie ?? {};
    const count = async () => (await session.must(`SELECT count(*) AS records, count(*) FILTER (WHERE id = ${literal(view)}) AS known FROM replicache.view_record`))[0];
    const before = await count();
    await this.pull(session, 'after 25006');
    const after = await count();
    if (this.round.alone && (!view || before.known) && after.records === before.records) this.fail('25006, though nothing had to be recorded');
  }

  startAfresh({error}) {
    if (error !== 'ClientStateNotFound' || this.state.epoch === this.round.epoch) this.fail(error);
    this.group = this.round.newGroup();
    this.state = {...nothing, cookie: this.state.cookie};
    this.past = [];
  }

  /** The state after the answer. */
  apply(answer, truth) {
    const {round, state} = this;
    const {app} = round;
    const keys = {clear: [], del: [], put: []};
    for (const [i, {op, key}] of answer.patch.entries()) {
      if (!keys[op] || (op === 'clear' && i > 0)) this.fail(`${op} in the patch, at ${i}`);
      if (op === 'del' && keys.put.includes(key)) this.fail(`a del for ${key} after its put`);
      keys[op].push(key);
    }
    const clear = keys.clear.length > 0;
    const view = new Map(clear ? [] : state.view);
    for (const key of keys.del) {
      const mayNotHave = ['parts', 'public', 'none'].includes(app.tracking) || !key.startsWith('doc/') || state.generation !== round.generation;
      if (!view.delete(key) && !mayNotHave) this.fail(`a del for ${key}, which it does not have`);
    }
    for (const {op, key, value} of answer.patch) if (op === 'put') view.set(key, value);
    // In pages, a row that has changed since the first one may come with its key's turn, too.
    if (!state.paging && new Set(keys.put).size !== keys.put.length) this.fail(`put twice: ${keys.put.filter((key, i) => keys.put.indexOf(key) < i)}`);
    if (this.foreign && !clear && !['public', 'none'].includes(app.tracking)) this.fail('the answer for the cookie of somebody else is not complete');

    const ids = {...state.ids, ...answer.lastMutationIDChanges};
    const empty = !answer.patch.length && !Object.keys(answer.lastMutationIDChanges).length;
    const paging = !!answer.more && (clear || !!state.paging);  // a complete pull, of which more pages come; everything is exact with the last one
    const compared = ([key]) => (app.tracking !== 'public' || !key.startsWith('doc/')) && (!answer.more || view.has(key));
    const ordered = map => Object.fromEntries([...map].filter(compared).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (!paging) {
      this.compare('lastMutationIDs', truth.ids, ids);
      this.compare('the view', ordered(truth.view), ordered(view));
    }

    const {cookie} = answer;
    const former = state.cookie?.order ?? -1;
    if (empty && state.cookie ? cookie.order < former : cookie.order <= former) this.fail(`order ${cookie.order} after ${former}`);
    if (JSON.stringify(cookie).length > 6000) this.fail('the cookie is large');
    const known = state.known && state.owner === this.user && state.group === this.group && state.generation === round.generation && state.role === this.role;
    if (app.steady && known && state.snapshot === truth.snapshot && !isDeepStrictEqual(cookie, state.cookie)) this.fail(`in the same snapshot, ${JSON.stringify(cookie)} follows ${JSON.stringify(state.cookie)}`);
    const noted = round.noted.get(this.group);
    if (round.alone && truth.own && cookie.view === (state.cookie?.view ?? '') && (cookie.view === '' || noted === cookie.view)) this.fail('something was written, though the record is the same');
    if (truth.noted && cookie.view) round.noted.set(this.group, cookie.view);
    if (answer.more) round.tally('page');
    round.tally(clear ? 'complete' : empty ? 'nothing new' : 'delta');
    if (keys.del.some(key => key.startsWith('doc/'))) round.tally('del');
    if (cookie.view && cookie.view !== state.cookie?.view) round.tally('new record');
    else if (cookie.view && cookie.plus + cookie.minus !== (state.cookie?.plus ?? '') + (state.cookie?.minus ?? '')) round.tally('difference in the cookie');

    if (cookie.view !== undefined && !this.foreign && !answer.more && truth.snapshot !== state.snapshot && !isDeepStrictEqual(cookie, state.cookie)) round.answers.note({...this, order: cookie.order, snapshot: truth.snapshot, view: truth.view, ids: truth.ids});
    return {cookie, view, ids, snapshot: truth.snapshot, generation: round.generation, epoch: round.epoch, owner: this.user, group: this.group, role: this.role, known: truth.recorded && !answer.more, more: !!answer.more, paging};
  }

  compare(what, expected, actual) {
    if (isDeepStrictEqual(expected, actual)) return;
    const show = keys => JSON.stringify(keys.slice(0, 5).map(key => [key, expected[key], actual[key]]));
    const all = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    this.fail(`${what}: [key, right, has] ${show(all.filter(key => !isDeepStrictEqual(expected[key], actual[key])))}, after ${JSON.stringify(this.state.cookie)}`);
  }
}

/** All answers to the tabs of a group: a higher order has newer data, an equal order the same. */
export class Answers {
  groups = new Map();

  note({round, group, user, role, space, ...answer}) {
    if (!round.app.steady || !Number.isInteger(answer.order)) return;
    const name = `${group}, epoch ${round.epoch}, space "${space}", generation ${round.generation}, offset ${Math.floor(answer.order / 2 ** 32)}`;
    if (!this.groups.has(name)) this.groups.set(name, []);
    this.groups.get(name).push({...answer, view: JSON.stringify([...answer.view].sort())});
  }

  check() {
    for (const [name, answers] of this.groups) {
      answers.sort((a, b) => a.order - b.order);
      for (const [i, later] of answers.entries()) {
        const earlier = answers[i - 1];
        if (!earlier) continue;
        const orders = `orders ${earlier.order} and ${later.order}, snapshots ${earlier.snapshot} and ${later.snapshot}`;
        if (earlier.order < later.order && lacks(later.snapshot, earlier.snapshot)) throw new Failure(`${name}: a higher order has older data: ${orders}`);
        if (earlier.order === later.order && (earlier.view !== later.view || !isDeepStrictEqual(earlier.ids, later.ids))) throw new Failure(`${name}: an equal order has other data: ${orders}`);
        for (const id in earlier.ids) if (!(later.ids[id] >= earlier.ids[id])) throw new Failure(`${name}: the lastMutationID of ${id} falls: ${orders}`);
      }
    }
  }
}
