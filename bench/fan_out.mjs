// One row changes, and many clients of one space must hear of it: a pull of each of them, or one pull_for for all.
import {isDeepStrictEqual} from 'node:util';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, Samples, seconds} from './driver.mjs';
import {xLabel} from './report.mjs';

const PULLS = 'a pull of each client';
const ONE = 'one pull_for';
const FACTOR = `${PULLS} ÷ ${ONE}`;
const CONNECTIONS = 16;
const sizes = quick ? [100, 1_000] : [100, 1_000, 10_000]; // of so many clients on record, all are connected
const columns = [...sizes.map((connected) => ({connected, x: connected})), {connected: sizes.at(-2), x: `${xLabel(sizes.at(-2))} of ${xLabel(sizes.at(-1))}`}];
const rounds = quick ? 2 : 7;
const repeats = 10; // of the quick one, in each round

const requestOf = ({group, cookie}) => JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: group, cookie, pullVersion: 1, schemaVersion: ''});

/** The answer of each client's own pull, as text. */
async function pullEach(sessions, clients) {
  const answers = new Array(clients.length);
  let next = 0;
  await Promise.all(sessions.map(async (session) => {
    while (next < clients.length) {
      const i = next++;
      [[answers[i]]] = await session.run('pull', 'SELECT replicache.pull($1, $2)', [requestOf(clients[i]), clients[i].user]);
    }
  }));
  return answers;
}

/** The messages that the backend sends, each as two lines of JSON: what is the client's own, and the patch, which is the same for all. */
async function pullForAll(session, clients) {
  const {confirmed: _, ...common} = clients[0].cookie;
  const [[text]] = await session.run('pull_for', 'SELECT replicache.pull_for($1, $2)', [clients.map(({group}) => group), JSON.stringify(common)]);
  const {cookie, confirmed, lastMutationIDChanges, patch} = JSON.parse(text);
  const shared = JSON.stringify(patch);
  return clients.map((client) => `${JSON.stringify({
    baseCookie: client.cookie,
    pullResponse: {
      cookie: {...cookie, confirmed: confirmed[client.group] ?? client.cookie.confirmed},
      lastMutationIDChanges: lastMutationIDChanges[client.group] ?? {},
    },
  })}\n${shared}`);
}

const cpuOf = (sessions) => sessions.reduce((sum, session) => sum + session.cpu(), 0);

/** Milliseconds until the last client's answer is there, and of the server's CPU. */
async function timed(sessions, work, times = 1) {
  const before = cpuOf(sessions);
  let result;
  const time = await seconds(async () => {
    for (let i = 0; i < times; i++) result = await work();
  });
  return {result, time: (time / times) * 1000, cpu: ((cpuOf(sessions) - before) / times) * 1000};
}

/** Without the member of cookies that says when they were made. */
const timeless = (text) => JSON.parse(text, (name, value) => (name === 'lsn' ? undefined : value));

/** Whether the client gets by the message what its own pull gives it. */
function same(message, client, answer) {
  const [own, patch] = message.split('\n').map(timeless);
  const {baseCookie, pullResponse} = own;
  const expected = {baseCookie: timeless(JSON.stringify(client.cookie)), pullResponse: timeless(answer)};
  return isDeepStrictEqual({baseCookie, pullResponse: {...pullResponse, patch}}, expected);
}

/** A client that has pushed, so its group and its last mutation are on record. */
async function connect(session, number) {
  const client = {...newClient(), user: `user ${number}`, mutations: 1};
  await session.run('push', 'SELECT replicache.apply_push($1, $2)', [bodies({...client, batch: 1, pushes: 1, name: 'touch'})[0], client.user]);
  return client;
}

export async function fanOut() {
  const contender = await Contender.get('ours');
  const {session} = contender;
  await contender.settle({empty: true});
  await contender.fill(10_000, 'fan-out-');
  await session.sql("CREATE FUNCTION touch() RETURNS void LANGUAGE sql AS 'SELECT'");
  await session.sql("SELECT replicache.register_mutator('touch', 'touch()')");
  const [[answer]] = await session.run('pull', 'SELECT replicache.pull($1, $2)', [requestOf({group: 'reader', cookie: null}), 'reader']);
  const {cookie} = JSON.parse(answer);

  const sessions = await Promise.all(Array.from({length: CONNECTIONS}, () => contender.open()));
  const cpu = new Samples();
  const time = new Samples();
  const clients = [];
  for (const {connected, x} of columns) {
    progress(`fan-out: ${x} clients`);
    while (clients.length < connected) clients.push({...await connect(session, clients.length), cookie});
    await contender.settle();
    const some = clients.slice(0, connected);
    const catchUp = async () => (await pullEach(sessions, some)).forEach((pulled, i) => { some[i].cookie = JSON.parse(pulled).cookie; });
    await catchUp();
    await pullForAll(sessions[0], some);
    for (let round = 0; round < rounds; round++) {
      progress(`fan-out: ${x} clients, round ${round + 1} of ${rounds}`);
      const writer = some[round];
      await session.run('push', 'SELECT replicache.apply_push($1, $2)', [
        bodies({...writer, prefix: `${writer.client}-`, batch: 1, pushes: 1, first: ++writer.mutations})[0], writer.user]);
      const pulls = await timed(sessions, () => pullEach(sessions, some));
      const one = await timed(sessions, () => pullForAll(sessions[0], some), repeats);
      some.forEach((client, i) => {
        if (!same(one.result[i], client, pulls.result[i])) throw new Error(`pull and pull_for differ: ${pulls.result[i]}, ${one.result[i]}`);
      });
      for (const [samples, what] of [[cpu, 'cpu'], [time, 'time']]) {
        samples.add(PULLS, x, pulls[what]);
        samples.add(ONE, x, one[what]);
        samples.add(FACTOR, x, pulls[what] / one[what]);
      }
      await catchUp();
    }
  }
  await Promise.all(sessions.map((each) => each.close()));
  const common = {name: 'pokes-fan-out', x: 'clients that are connected, of those on record', plain: true, order: [PULLS, ONE, FACTOR]};
  return [
    {...common, title: 'One row changes, many clients: CPU time of the server', unit: 'ms', samples: cpu},
    {...common, title: `One row changes, many clients: until the last client's answer is there (${CONNECTIONS} connections for the pulls, one for pull_for)`, unit: 'ms', samples: time},
  ];
}
