// Who takes part in the pulls of what a user may see. README.md says what each one is.
import {randomUUID} from 'node:crypto';
import pg from 'pg';
import {Session} from './driver.mjs';

const GROUP = 'group-pull';
const count = (patch, op) => patch.filter((o) => o.op === op).length;

/** A pull of the extension. Its state is the cookie. */
class Ours {
  writes = true;

  static async open(database, name) {
    const contender = Object.assign(new Ours(), {name, session: await Session.open(database)});
    await contender.session.sql('SET ROLE bench_app');
    return contender;
  }

  request(cookie) {
    return JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: GROUP, cookie, pullVersion: 1, schemaVersion: ''});
  }

  /** What the backend sends on, as text. */
  async pull(user, cookie) {
    const [[answer]] = await this.session.run('pull', 'SELECT replicache.pull($1, $2)', [this.request(cookie ?? null), user]);
    return answer;
  }

  /** The state after this answer, and how much it has. */
  read(answer) {
    const {cookie, patch} = JSON.parse(answer);
    return {state: cookie, puts: count(patch, 'put'), dels: count(patch, 'del')};
  }

  statement(user, cookie) {
    return `SELECT replicache.pull('${this.request(cookie ?? null)}', '${user}')`;
  }
}

/**
 * The Row Version strategy: the client view record is in the memory of this process, one for each answer. Each pull reads the ids and
 * versions of the whole view, compares them, and then reads what has changed. The state is the id of a client view record.
 */
class InMemory {
  name = 'node';
  records = new Map();

  static async open(database) {
    return Object.assign(new InMemory(), {session: await Session.open(database)});
  }

  /** Rows as the driver gives them unless it is told otherwise: objects, with numbers and booleans. */
  async rows(name, text, values = []) {
    return (await this.session.client.query({name, text, values, types: pg.types})).rows;
  }

  async pull(user, cookie) {
    const before = this.records.get(cookie?.id) ?? new Map();
    await this.rows('begin', 'BEGIN ISOLATION LEVEL REPEATABLE READ');
    const [group] = await this.rows('group', 'SELECT cvr_version FROM client_group WHERE id = $1', [GROUP]);
    const view = await this.rows('view', 'SELECT id, version FROM doc WHERE list_id = ANY (ARRAY(SELECT list_id FROM share WHERE user_id = $1))', [user]);
    const clients = await this.rows('clients', 'SELECT id, last_mutation_id FROM client WHERE client_group_id = $1', [GROUP]);
    const record = new Map(view.map(({id, version}) => [id, version]));
    const patch = [];
    const changed = [];
    for (const id of before.keys()) if (!record.has(id)) patch.push({op: 'del', key: `doc/${id}`});
    for (const {id, version} of view) if (before.get(id) !== version) changed.push(id);
    if (cookie && !patch.length && !changed.length) {
      await this.rows('commit', 'COMMIT');
      return JSON.stringify({cookie, lastMutationIDChanges: {}, patch});
    }
    if (changed.length) {
      for (const value of await this.rows('values', 'SELECT id, list_id, title, body, done FROM doc WHERE id = ANY ($1)', [changed])) {
        patch.push({op: 'put', key: `doc/${value.id}`, value});
      }
    }
    const order = Math.max(group.cvr_version, cookie?.order ?? 0) + 1;
    await this.rows('order', 'UPDATE client_group SET cvr_version = $2 WHERE id = $1', [GROUP, order]);
    await this.rows('commit', 'COMMIT');
    const id = randomUUID();
    this.records.set(id, record);
    return JSON.stringify({cookie: {id, order}, lastMutationIDChanges: Object.fromEntries(clients.map(({id: client, last_mutation_id}) => [client, Number(last_mutation_id)])), patch});
  }

  read(answer) {
    const {cookie, patch} = JSON.parse(answer);
    return {state: cookie, puts: count(patch, 'put'), dels: count(patch, 'del')};
  }

  /** Forget all records but those of these states. */
  forget(states) {
    for (const id of this.records.keys()) if (!states.some((state) => state?.id === id)) this.records.delete(id);
  }
}

/** A table with a row for each entry of each client group. The state is in that table, so each pull can be made once only. */
class Entries {
  name = 'plpgsql, a row per entry';
  writes = true;

  static async open(database) {
    return Object.assign(new Entries(), {session: await Session.open(database)});
  }

  async pull(user) {
    const [[answer]] = await this.session.run('pull', 'SELECT pull_entries($1, $2)', [GROUP, user]);
    return answer;
  }

  read(answer) {
    const {puts, dels} = JSON.parse(answer);
    return {state: true, puts: puts?.length ?? 0, dels: dels?.length ?? 0};
  }

  statement(user) {
    return `SELECT pull_entries('${GROUP}', '${user}')`;
  }

  reset() {
    return this.session.sql('TRUNCATE view_entry');
  }
}

export const setUpByHand = `INSERT INTO client_group VALUES ('${GROUP}', 'ann', 1); INSERT INTO client VALUES ('client-1', '${GROUP}', 42)`;
export const openOurs = Ours.open;
export const openInMemory = InMemory.open;
export const openEntries = Entries.open;
