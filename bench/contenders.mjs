// Who takes part in the pushes: what each makes of the body of a request. README.md says what each one is.
import {from} from 'pg-copy-streams';
import {args, create, flag, Session, settle} from './driver.mjs';
import {kinds as uploadKinds} from './powersync.mjs';
import {zeroBody} from './zero/body.mjs';

const USER = 'ann';

const applyPush = (session, body) => session.run('push', 'SELECT replicache.apply_push($1, $2)', [body, USER]);
const applyPushTo = (session, body, space) => session.run('push', 'SELECT replicache.apply_push($1, $2, $3)', [body, USER, space]);

/** The text of the answer, which a backend sends as it is. */
async function zeroPush(session, body) {
  const [[answer]] = await session.run('push', "SELECT replicache.zero_push($1, 'zero_0', 'zero', $2)", [body, USER]);
  if (!answer.startsWith('{"kind":"MutateResponse"')) throw new Error(`zero_push: ${answer}`);
  return answer;
}

/** The documented backend: a transaction per mutation; one that fails is rolled back, and marked in another. */
async function nodePush(session, body) {
  const push = JSON.parse(body);
  const group = push.clientGroupID;
  const [owner] = await session.run('group', 'SELECT user_id FROM client_group WHERE id = $1', [group]);
  if (!owner) await session.run('newGroup', 'INSERT INTO client_group VALUES ($1, $2)', [group, USER]);
  else if (owner[0] !== USER) throw new Error('this client group belongs to another user');
  for (const mutation of push.mutations) {
    try {
      await nodeMutation(session, group, mutation, true);
    } catch (error) {
      await session.run('rollback', 'ROLLBACK');
      if (!error.code || /^(40|57)/.test(error.code)) throw error;
      await nodeMutation(session, group, mutation, false);
    }
  }
}

const nodeMutators = {
  createMessage: (session, {id, sender, content, ord}, version) =>
    session.run('createMessage', 'INSERT INTO message VALUES ($1, $2, $3, $4, false, $5)', [id, sender, content, ord, version]),
};

async function nodeMutation(session, group, {id, clientID, name, args}, effects) {
  await session.run('begin', 'BEGIN');
  const [[version]] = await session.run('version', "SELECT version FROM space WHERE id = '' FOR UPDATE");
  const [client] = await session.run('client', 'SELECT last_mutation_id FROM client WHERE id = $1 AND client_group_id = $2', [clientID, group]);
  const last = client ? Number(client[0]) : 0;
  const next = Number(version) + 1;
  if (id > last + 1) throw new Error('this mutation is from the future');
  if (id === last + 1) {
    if (effects) await nodeMutators[name](session, args, next);
    if (client) await session.run('mark', 'UPDATE client SET last_mutation_id = $2, version = $3 WHERE id = $1', [clientID, id, next]);
    else await session.run('newClient', 'INSERT INTO client VALUES ($1, $2, $3, $4)', [clientID, group, id, next]);
    await session.run('next', "UPDATE space SET version = $1 WHERE id = ''", [next]);
  }
  await session.run('commit', 'COMMIT');
}

const setPush = (session, body) =>
  session.run('set', `WITH v AS (UPDATE space SET version = version + 1 WHERE id = '' RETURNING version)
    INSERT INTO message SELECT (m.args).id, (m.args).sender, (m.args).content, (m.args).ord, false, v.version
    FROM v, json_to_recordset($1::json -> 'mutations') AS m(args message_args)`, [body]);

const copyLines = (body) => JSON.parse(body).mutations.map(({args: a}) => `${a.id}\t${a.sender}\t${a.content}\t${a.ord}\tf\t1\n`).join('');

const copy = (session, lines) => new Promise((resolve, reject) => {
  const stream = session.client.query(from('COPY message FROM STDIN'));
  stream.on('finish', resolve).on('error', reject);
  stream.end(lines);
});

/** prepare: what is made of the bodies before the clock starts. slow: it gets fewer mutations, for the bench to end. */
const kinds = {
  ours: {scripts: ['ours'], push: applyPush, mutator: 'create_message(jsonb)'},
  'ours-named': {scripts: ['ours'], push: applyPush, mutator: 'create_message_named(text, text, text, bigint)'},
  'ours-sql': {scripts: ['ours'], push: applyPush, mutator: 'create_message_sql(text, text, text, bigint)'},
  zero_push: {scripts: ['ours', 'zero'], push: zeroPush, prepare: zeroBody, mutator: 'create_message(jsonb)'},
  'zero_push, not tracked': {scripts: ['ours', 'untracked', 'zero'], push: zeroPush, prepare: zeroBody, mutator: 'create_message(jsonb)'},
  node: {push: nodePush, slow: true},
  plpgsql: {push: (session, body) => session.run('push', 'SELECT push($1, $2, false, false)', [body, USER])},
  'plpgsql, marks each': {push: (session, body) => session.run('push', 'SELECT push($1, $2, false, true)', [body, USER])},
  'plpgsql, records errors': {push: (session, body) => session.run('push', 'SELECT push($1, $2, true, false)', [body, USER])},
  'plpgsql, spaces': {scripts: ['hand', 'hand_spaces'],
    push: (session, body, space) => session.run('push', 'SELECT push($1, $2, false, false, $3)', [body, USER, space])},
  'plpgsql-fast': {push: (session, body) => session.run('push', 'SELECT push_fast($1, $2)', [body, USER])},
  set: {push: setPush},
  copy: {push: copy, prepare: copyLines},
  'ours, message.insert': {scripts: ['ours', 'exposed'], push: applyPush, mutator: 'create_message(jsonb)', mutation: 'message.insert'},
  'set, message.insert': {push: setPush, mutation: 'message.insert'},
  ...uploadKinds,
};
/** Some take part on demand only. */
export const onDemand = [];
if (flag('ZERO')) {
  kinds.zero = (await import('./zero/contender.mjs')).zero;
  onDemand.push('zero');
}

/** What follows the commas in the names of ours: "ours, clock transaction, no poke". */
const options = {
  'runs off': {settings: ['replicache.optimistic_runs = off']},
  'clock transaction': {settings: ["replicache.default_clock = 'transaction'"]},
  'no poke': {settings: ["replicache.poke_channel = ''"]},
  'space column': {scripts: ['ours', 'spaces'], push: applyPushTo},
};

function kindOf(name) {
  if (kinds[name]) return kinds[name];
  const [base, ...chosen] = name.split(', ');
  const settings = chosen.flatMap((option) => options[option].settings ?? []);
  return Object.assign({}, kinds[base], ...chosen.map((option) => options[option]), {settings});
}

export class Contender {
  static all = new Map();

  /** The contender of this name, with a database of its own. */
  static async get(name) {
    if (!Contender.all.has(name)) {
      const contender = Object.assign(new Contender(), {prepare: (body) => body, ...kindOf(name), name});
      contender.database = `bench_${name.replace(/\W+/g, '_').toLowerCase()}`;
      contender.session = await create(contender.database, contender.scripts ?? ['hand'], contender.settings);
      if (contender.mutator) await contender.session.sql(`SELECT replicache.register_mutator('createMessage', '${contender.mutator}')`);
      Contender.all.set(name, contender);
    }
    return Contender.all.get(name);
  }

  get ours() {
    return Boolean(this.mutator);
  }

  get errors() {
    return this.ours ? 'replicache.mutation_error' : 'mutation_error';
  }

  /** The state from which every sample starts. */
  settle({empty = false} = {}) {
    const bookkeeping = ['space', 'client_group', 'client'].map((table) => (this.ours ? `replicache.${table}` : table));
    const rows = ['message', this.errors, ...(this.ours ? ['replicache.tombstone'] : [])];
    if (this.scripts?.includes('zero')) {
      bookkeeping.push('zero_0.clients');
      rows.push('zero_0.mutations');
    }
    return settle(this.session, [...rows, ...bookkeeping], {truncate: empty ? rows : []});
  }

  open() {
    return Session.open(this.database);
  }

  /** Fill the table with this many rows, through the triggers where there are some. */
  async fill(rows, prefix) {
    const {id, sender, content} = args(prefix, 0);
    const columns = `'${id.slice(0, prefix.length)}' || lpad(n::text, 9, '0'), '${sender}', '${content}', n`;
    await this.session.sql(this.ours
      ? `INSERT INTO message (id, sender, content, ord) SELECT ${columns} FROM generate_series(1, ${rows}) n`
      : `INSERT INTO message SELECT ${columns}, false, 1 FROM generate_series(1, ${rows}) n`);
  }

  /** This contender did what it says: so many rows, of those whose id starts with the prefix. */
  async expect(rows, prefix = '') {
    const found = Number(await this.session.sql(`SELECT count(*) FROM message WHERE id LIKE '${prefix}%'`));
    if (found !== rows) throw new Error(`${this.name} wrote ${found} rows instead of ${rows}`);
  }
}

let clocks;
/** Ours, with each clock that this version of the extension has; its default comes first. */
export async function eachClock() {
  if (clocks) return clocks;
  clocks = ['ours'];
  const session = await create('bench_probe', ['ours']);
  await session.sql("SELECT replicache.create_space('probe', 'transaction')").then(() => clocks.push('ours, clock transaction'), () => {});
  await session.close();
  return clocks;
}
