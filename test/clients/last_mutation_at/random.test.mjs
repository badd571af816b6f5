// Four devices of two users, on a network that loses requests and answers, and delivers some late. In the end all have the
// same, nothing that was made has got lost, and nothing is there twice.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {SyncClient} from '../../../examples/last_mutation_at/client.mjs';
import {strategies} from '../../../examples/last_mutation_at/strategies.mjs';
import {held, keys, newUser, randomOf, useBackend} from './harness.mjs';

const backend = useBackend();

class Network {
  late = [];
  count = {requests: 0, answers: 0, late: 0, arrived: 0, statuses: {}};
  works = false;

  constructor(random) {
    this.random = random;
  }

  send = user => async (method, query, body) => {
    const request = () => backend.send(user)(method, query, copy);
    const copy = body && structuredClone(body);
    const dice = this.works ? 100 : this.random.below(100);
    if (dice < 8) throw this.lost('requests');
    if (dice < 12) {
      if (method === 'POST') this.late.push(request);
      throw this.lost('late');
    }
    const answer = await request();
    if (dice < 20) throw this.lost('answers');
    const name = `${method} ${answer.status}`;
    this.count.statuses[name] = (this.count.statuses[name] ?? 0) + 1;
    return answer;
  };

  lost(what) {
    this.count[what]++;
    return new Error('lost');
  }

  async deliver() {
    const {status} = await this.late.pop()();
    assert.ok([200, 409].includes(status));
    if (status === 200) this.count.arrived++;
  }
}

async function run(operations, random, strategyOf) {
  const network = new Network(random);
  const made = new Set();     // titles, each of one note
  const removed = new Set();  // what some device deleted: that may come back, should another change it
  const devices = [newUser(), newUser()].flatMap(user => [0, 1].map(number => {
    const ahead = (random.below(3) - 1) * 5000;  // nobody's clock is right
    return {user, client: new SyncClient({send: network.send(user), keys, strategy: strategyOf(number), limit: random.pick([undefined, 5, 50]), now: () => Date.now() + ahead})};
  }));
  const sync = client => client.sync().catch(error => assert.equal(error.message, 'lost', error.stack));

  for (let i = 0; i < operations; i++) {
    const {client} = random.pick(devices);
    const notes = client.list('NOTE');
    const sessions = client.list('READING_SESSION');
    const dice = random.below(100);
    if (dice < 25 || (dice < 60 && !notes.length)) {
      made.add(`note ${i}`);
      client.create('NOTE', {title: `note ${i}`});
    } else if (dice < 45) client.update(random.pick(notes).ref, {body: `text ${i}`});
    else if (dice < 60) {
      const {ref, data} = random.pick(notes);
      removed.add(data.title);
      client.remove(ref);
    } else if (dice < 70) {
      const [chapter, verse] = [1 + random.below(3), 1 + random.below(5)];
      const there = sessions.find(({data}) => data.chapter === chapter && data.verse === verse);
      if (there) client.update(there.ref, {seconds: i});
      else client.create('READING_SESSION', {chapter, verse, seconds: i});
    } else if (dice < 75 && sessions.length) client.remove(random.pick(sessions).ref);
    else if (dice < 77) client.head = undefined;
    else if (dice < 80 && network.late.length) await network.deliver();
    else {
      await sync(client);
      if (network.late.length && random.chance(20)) await network.deliver();
    }
  }

  network.works = true;
  while (network.late.length) await network.deliver();
  for (let round = 0; round < 2; round++) for (const {client} of devices) await client.sync();
  const titles = [];
  for (const {user, client} of devices) {
    const state = await backend.state(user);
    assert.equal(client.pending, 0);
    assert.deepEqual(held(client), state);
    titles.push(state.map(({data}) => data.title).filter(Boolean));
  }
  const all = [...titles[0], ...titles[2]];
  const lost = [...made].filter(title => !removed.has(title) && !all.includes(title));
  const twice = all.filter((title, i) => !removed.has(title) && all.indexOf(title) !== i);
  assert.deepEqual({lost, twice}, {lost: [], twice: []});
  return network.count;
}

test('10 000 operations', {timeout: 600_000}, async t => {
  const seed = Number(process.env.SEED ?? 1);
  const count = await run(Number(process.env.OPERATIONS ?? 10_000), randomOf(seed), number => strategies[2 + number]);
  t.diagnostic(JSON.stringify(count));
  for (const what of ['requests', 'answers', 'late', 'arrived']) assert.ok(count[what] > 10, what);
  assert.ok(count.statuses['POST 409'] > 100);
});

test('many short runs, every strategy', {timeout: 600_000}, async () => {
  const runs = Number(process.env.RUNS ?? (backend.isServer ? 8 : 300));
  for (let seed = 1; seed <= runs; seed++) {
    const random = randomOf(seed);
    await run(60 + random.below(100), random, () => random.pick(strategies)).catch(error => {
      throw new Error(`seed ${seed}: ${error.message}`, {cause: error});
    });
  }
});
