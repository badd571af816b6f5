// The lastMutationAt protocol: pushes of 100 notes, pulls of 1000, against the same by hand.
import {create, progress, quick, rotated, Samples, seconds, settle} from './driver.mjs';
import {clocked, groups} from './push.mjs';

const rounds = quick ? 2 : 4;
const perPush = 100;
const changed = 1000;

/** Each call is one prepared statement; the answer comes as text. A push gets the head of the answer before it. */
class Contender {
  constructor(name, session, calls) {
    Object.assign(this, {name, session, calls});
  }

  async call(kind, values) {
    const [[status, head, body]] = await this.session.run(kind, `SELECT * FROM ${this.calls[kind]}`, values);
    return {status: Number(status), head, body};
  }

  push(user, head, body) {
    return this.call('push', [body, head, user]);
  }

  pull(user, since, {limit = changed, page = 1, resources = null} = {}) {
    return this.call('pull', [since, user, resources, page, limit]);
  }

  metadata(user) {
    return this.call('metadata', [user]);
  }

  /** Pushes of one user, in turn, of which none may be refused. */
  pusher(user, head) {
    return {
      session: this.session,
      push: async (_, body) => {
        const answer = await this.push(user, head, body);
        if (answer.status !== 200) throw new Error(`${this.name} answers ${answer.status}: ${answer.body}`);
        head = answer.head;
      },
    };
  }

  async pushAll(user, head, bodies) {
    const {session, push} = this.pusher(user, head);
    for (const body of bodies) await push(session, body);
    return (await this.metadata(user)).head;
  }

  /** Notes of others. */
  fill(rows) {
    const {title, body: text} = note(0);
    return this.session.sql(`INSERT INTO note (user_id, title, body${this.calls.columns})
      SELECT 'user ' || n % 20, '${title}', '${text}'${this.calls.values} FROM generate_series(1, ${rows}) n`);
  }

  async ids(user) {
    return (await this.session.run('ids', 'SELECT id FROM note WHERE user_id = $1 ORDER BY version', [user])).map(([id]) => id);
  }
}

const contenders = async () => [
  new Contender('ours', await create('bench_sync_ours', ['last_mutation_at_ours']), {
    push: 'replicache.sync_push($1, $2, $3)',
    pull: 'replicache.sync_pull($1, $2, $3, false, $4, $5)',
    metadata: 'replicache.sync_pull(-1, $1, metadata_only => true)',
    tables: ['note', 'replicache.space', 'replicache.tombstone', 'replicache.creation', 'replicache.paging'], columns: '', values: '',
  }),
  new Contender('plpgsql', await create('bench_sync_hand', ['last_mutation_at_hand'], ['plan_cache_mode = force_generic_plan']), {
    push: 'sync_push($1, $2, $3)', pull: 'sync_pull($1, $2, $3, $4, $5)', metadata: 'sync_metadata($1)',
    tables: ['note', 'head', 'tombstone'], columns: ', created, version', values: ', n, n',
  }),
];

const note = (n) => ({title: `Note ${n}`, body: `The quick brown fox jumps over the lazy dog, and then it has a look at what the others have written down on page ${n}. `});
const creation = (n) => ({type: 'CREATE', resource: 'NOTE', data: note(n)});
const update = (resourceId, n) => ({type: 'UPDATE', resource: 'NOTE', resourceId, data: note(n)});
const deletion = (resourceId) => ({type: 'DELETE', resource: 'NOTE', resourceId});
const body = (mutations) => JSON.stringify({mutations});

/** Bodies of pushes of so many mutations. */
function bodies(count, make) {
  const result = [];
  for (let i = 0; i < count; i += perPush) result.push(body(Array.from({length: Math.min(perPush, count - i)}, (_, k) => make(i + k))));
  return result;
}

/** What a contender answers, told so that it does not depend on which ids and timestamps it assigns. */
async function transcript(contender) {
  const answers = [];
  const ask = async (answer) => answers.push(await answer);
  const push = (head, mutations) => ask(contender.push('eve', head, typeof mutations === 'string' ? mutations : body(mutations)));
  const latest = async () => (await contender.metadata('eve')).head;
  await push(5, [creation(1)]);
  await ask(contender.pull('eve', -1));
  await push(-1, [1, 2, 3, 4, 5].map(creation));
  const since = await latest();
  const [a, b, c] = await contender.ids('eve');
  await push(-1, [creation(6)]);
  await push(since, '{"mutations":{}}');
  await push(since, Array.from({length: 101}, () => creation(6)));
  const {data} = creation(6);
  for (const wrong of [{type: 'CREATE', data}, {type: 'CREATE', resource: 'X', data}, {resource: 'NOTE', data}, {type: 'X', resource: 'NOTE', data},
    {type: 'UPDATE', resource: 'NOTE', data}, {type: 'DELETE', resource: 'NOTE'}, update('none', 6), deletion('none'), {type: 'CREATE', resource: 'NOTE'},
    {type: 'UPDATE', resource: 'NOTE', resourceId: a}, {type: 'CREATE', resource: 'NOTE', data: {title: 'x'.repeat(201)}}]) await push(since, [creation(6), wrong]);
  await push(since, [update(a, 7), creation(8), deletion(b), {type: 'UPDATE', resource: 'NOTE', resourceId: c, data: {body: 'ä "quoted"\n'}}]);
  await push(await latest(), [creation(9)]);
  await push(await latest(), [deletion((await contender.ids('eve')).at(-1)), update(a, 10)]);
  for (const [from, options] of [[-1], [since], [await latest()], [since, {limit: 2}], [since, {limit: 2, page: 2}], [since, {limit: 2, page: 3}],
    [since, {resources: ['NOTE']}], [since, {resources: ['X']}]]) await ask(contender.pull('eve', from, options));
  await ask(contender.metadata('eve'));
  await ask(contender.metadata('nobody'));
  const text = answers.map((answer) => JSON.stringify({...answer, body: JSON.parse(answer.body)})).join('\n');
  const times = [...new Set(text.match(/\b\d{13}\b/g))].sort();
  const ids = [...new Set(text.match(/\b[0-9a-f]{12}\b/g))];
  return text.replace(/\b\d{13}\b/g, (time) => `time ${times.indexOf(time)}`).replace(/\b[0-9a-f]{12}\b/g, (id) => `id ${ids.indexOf(id)}`);
}

async function expectEqual(all) {
  const [ours, hand] = (await Promise.all(all.map(transcript))).map((text) => text.split('\n'));
  ours.forEach((line, i) => {
    if (line !== hand[i]) throw new Error(`not the same answers:\n${line}\n${hand[i]}`);
  });
}

export async function sync() {
  const all = await contenders();
  await expectEqual(all);
  // Statements that look for a note are to be planned for a table that has some.
  for (const contender of all) await contender.fill(20_000);
  const [rates, costs, times, pullCosts] = [new Samples(), new Samples(), new Samples(), new Samples()];
  const warmUp = 5;
  const pushes = quick ? 12 : 30;
  const count = (warmUp + pushes) * perPush;

  /** So many pulls in turn, each of so many mutations. */
  const pulls = async (x, number, mutations, pull) => {
    for (const contender of all) {
      const {body: answer} = await pull(contender);
      const {data} = JSON.parse(answer);
      if ((data.mutations ?? []).length !== mutations) throw new Error(`${contender.name}, ${x}: ${data.mutations.length} mutations instead of ${mutations}`);
      for (let i = 0; i < 7; i++) await pull(contender);
    }
    for (let round = 0; round < rounds; round++) {
      for (const contender of rotated(all, round)) {
        const before = contender.session.cpu();
        const time = await seconds(async () => {
          for (let i = 0; i < number; i++) await pull(contender);
        });
        pullCosts.add(contender.name, x, ((contender.session.cpu() - before) / number) * 1e6);
        times.add(contender.name, x, (time / number) * 1000);
      }
    }
  };

  for (let round = 0; round < rounds; round++) {
    const user = `ann-${round}`;
    for (const [x, make] of [['CREATE', () => creation], ['UPDATE', (ids) => (n) => update(ids[n], -1 - n)]]) {
      for (const contender of rotated(all, round)) {
        progress(`sync, round ${round + 1} of ${rounds}: ${contender.name}, ${x}`);
        await settle(contender.session, contender.calls.tables);
        const requests = bodies(count, make(await contender.ids(user)));
        const {rate, cpu} = await clocked(contender.pusher(user, (await contender.metadata(user)).head), requests, {warmUp, batch: perPush});
        const made = Number(await contender.session.sql(`SELECT count(*) FROM note WHERE user_id = '${user}' AND (title LIKE 'Note -%') = ${x === 'UPDATE'}`));
        if (made !== count) throw new Error(`${contender.name}: ${made} rows instead of ${count} after ${x}`);
        rates.add(contender.name, x, rate);
        costs.add(contender.name, x, cpu);
      }
    }
  }

  // Of a user whose notes are all new, and of one who has had many and changes some.
  progress('sync: pulls');
  const since = new Map();
  const now = new Map();
  for (const contender of all) {
    await contender.pushAll('bob', -1, bodies(changed, creation));
    since.set(contender, await contender.pushAll('zoe', -1, bodies(changed * 2, creation)));
    const ids = await contender.ids('zoe');
    const mixed = (n) => (n % 10 < 5 ? creation(n) : n % 10 < 9 ? update(ids[n], -1 - n) : deletion(ids[n]));
    now.set(contender, await contender.pushAll('zoe', since.get(contender), bodies(changed, mixed)));
    await settle(contender.session, contender.calls.tables);
  }
  const few = quick ? 8 : 15;
  const many = quick ? 200 : 600;
  await pulls('1 000 notes, all of them', few, changed, (contender) => contender.pull('bob', -1));
  await pulls('1 000 changes', few, changed, (contender) => contender.pull('zoe', since.get(contender)));
  await pulls('nothing changed', many, 0, (contender) => contender.pull('zoe', now.get(contender)));
  await pulls('metadata only', many, 0, (contender) => contender.metadata('zoe'));
  for (const {session} of all) await session.close();

  const common = {x: 'what is pulled', chart: 'bars', logY: true, better: 'lower', order: all.map(({name}) => name)};
  return [
    ...groups({name: 'sync-push', title: 'lastMutationAt: pushes of 100', x: 'what is pushed', contenders: all}, rates, costs)
      .map((group) => ({...group, chart: 'bars'})),
    {name: 'sync-pull', title: 'lastMutationAt: pulls', unit: 'ms', ...common, series: times.summary()},
    {name: 'sync-pull-cpu', title: 'lastMutationAt: pulls: CPU time of the server', unit: 'µs per pull', ...common, series: pullCosts.summary()},
  ];
}
