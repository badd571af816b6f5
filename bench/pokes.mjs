// Pokes: what they cost those who push, and how soon they come.
import {setTimeout as sleep} from 'node:timers/promises';
import {withSlowCommits} from './connections.mjs';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quantile, quick, rotated, Samples} from './driver.mjs';
import {fanOut} from './fan_out.mjs';

const WORKER = 'pokes by the worker';
const TRANSACTION = 'pokes in the transaction';
const NONE = 'no pokes';
const ways = {[WORKER]: "SET replicache.poke_mode = 'worker'", [TRANSACTION]: "SET replicache.poke_mode = 'transaction'", [NONE]: "SET replicache.poke_channel = ''"};
const connections = quick ? [1, 16] : [1, 4, 16];
const rounds = quick ? 3 : 15;
const slice = {warmUp: 100, time: quick ? 200 : 400}; // ms
const commits = {'fast commits': (work) => work(), 'commits of 2 ms': withSlowCommits};
const spaces = {
  'a space each': {of: (client) => client.group},
  'one space, clock `transaction`': {of: () => 'shared'},
};

/** A connection that pushes one mutation after the other, of a client of its own. */
class Pusher {
  client = newClient();
  pushed = 0;

  static async open(contender, way, space) {
    const pusher = new Pusher();
    pusher.session = await contender.open();
    await pusher.session.sql(ways[way]);
    pusher.space = space(pusher.client);
    return pusher;
  }

  /** Resolves to the version. */
  async push() {
    const [body] = bodies({...this.client, prefix: `${this.client.client}-`, batch: 1, pushes: 1, first: ++this.pushed});
    const [[answer]] = await this.session.run('push', 'SELECT replicache.apply_push($1, $2, $3)', [body, 'ann', this.space]);
    return JSON.parse(answer).version;
  }
}

/** A session that listens, as each backend has one. It tells when the notification for a change was there. */
class Ear {
  heard = new Map(); // by space: the newest version, and when it came
  waiting = new Set();

  static async open(contender) {
    const ear = new Ear();
    ear.session = await contender.open();
    ear.session.client.on('notification', ({payload}) => ear.hear(JSON.parse(payload)));
    await ear.session.sql('LISTEN replicache');
    return ear;
  }

  hear({space, version}) {
    const at = performance.now();
    if (space !== null) this.heard.set(space, {version, at});
    for (const waiter of this.waiting) {
      if (space !== null && (waiter.space !== space || waiter.version > version)) continue;
      this.waiting.delete(waiter);
      waiter.done(at);
    }
  }

  /** The time at which the notification of this version, or of a later one, came. It can have come before the answer to the push. */
  async when(space, version) {
    const last = this.heard.get(space);
    if (last?.version >= version) return last.at;
    const lost = new AbortController();
    const came = new Promise((done) => this.waiting.add({space, version, done}));
    const late = sleep(10_000, undefined, lost).then(() => { throw new Error(`no notification of ${space}, version ${version}`); }, () => {});
    return Promise.race([came, late]).finally(() => lost.abort());
  }
}

/** Pushes per second of all these connections at once. */
async function throughput(pushers) {
  const from = performance.now() + slice.warmUp;
  const to = from + slice.time;
  let count = 0;
  await Promise.all(pushers.map(async (pusher) => {
    for (let now = 0; now < to;) {
      await pusher.push();
      now = performance.now();
      if (now >= from && now < to) count++;
    }
  }));
  return count / (slice.time / 1000);
}

const ratio = (way) => `${way} ÷ ${NONE}`;

/** The ways take turns in short slices, so that what else goes on in the machine slows down all of them. */
async function pushes(contender, commit, {of}, label) {
  const samples = new Samples();
  for (const count of connections) {
    await contender.settle({empty: true});
    const pushers = {};
    for (const way of Object.keys(ways)) pushers[way] = await Promise.all(Array.from({length: count}, () => Pusher.open(contender, way, of)));
    await commits[commit](async () => {
      for (let round = 0; round < rounds; round++) {
        const now = {};
        for (const way of rotated(Object.keys(ways), round)) {
          progress(`${label}, ${count} connections, round ${round + 1} of ${rounds}: ${way}`);
          now[way] = await throughput(pushers[way]);
        }
        for (const way of Object.keys(ways)) samples.add(way, count, now[way]);
        for (const way of [WORKER, TRANSACTION]) samples.add(ratio(way), count, now[way] / now[NONE]);
      }
    });
    const all = Object.values(pushers).flat();
    await contender.expect(all.reduce((sum, {pushed}) => sum + pushed, 0));
    await Promise.all(all.map(({session}) => session.close()));
  }
  return {
    name: 'pokes-pushes', title: `Pushes of one mutation, ${label}`, unit: 'pushes/s, median and quartiles', x: 'connections', plain: true, spread: true,
    order: [...Object.keys(ways), ratio(WORKER), ratio(TRANSACTION)], samples,
  };
}

const workers = (session) => session.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'replicache poke worker' AND datname = current_database()");

/** The sample is the time from the answer to a push to the notification. Below zero: it came before the answer. */
async function timed(ear, pusher) {
  const version = await pusher.push();
  const answered = performance.now();
  return ear.when(pusher.space, version).then((at) => at - answered);
}

const situations = {
  async 'a push every 20 ms'(ear, open) {
    const pusher = await open();
    const times = [];
    for (let i = 0; i < (quick ? 50 : 500); i++) {
      times.push(await timed(ear, pusher));
      await sleep(20);
    }
    return times.slice(10); // the worker has started
  },
  '16 connections, fast commits': (ear, open) => atFullSpeed(ear, open),
  '16 connections, commits of 2 ms': (ear, open) => withSlowCommits(() => atFullSpeed(ear, open)),
};

async function atFullSpeed(ear, open) {
  const pushers = await Promise.all(Array.from({length: 16}, open));
  const from = performance.now() + slice.warmUp;
  const to = from + (quick ? 500 : 5000);
  const times = [];
  await Promise.all(pushers.map(async (pusher) => {
    while (performance.now() < to) {
      const version = await pusher.push();
      const answered = performance.now();
      if (answered > from) times.push(ear.when(pusher.space, version).then((at) => at - answered));
    }
  }));
  return Promise.all(times);
}

const columns = (samples, situation, times) => {
  samples.add(situation, 'median', quantile(times, 0.5));
  samples.add(situation, '99 %', quantile(times, 0.99));
  samples.add(situation, 'longest', Math.max(...times));
};

/** The first pushes after a time in which the worker has gone. */
async function afterPause(contender, ear, open, samples) {
  const pusher = await open();
  const first = [];
  const next = [];
  for (let round = 0; round < (quick ? 2 : 20); round++) {
    progress(`pokes: pause ${round + 1}`);
    do await sleep(1_200); while (await workers(contender.session) !== '0');
    first.push(await timed(ear, pusher));
    for (let i = 0; i < 20; i++) next.push(await timed(ear, pusher));
  }
  columns(samples, 'the first push after the worker has gone', first);
  columns(samples, 'the 20 pushes after it, while the worker starts', next);
}

async function delays(contender, ear) {
  const groups = [];
  for (const way of [WORKER, TRANSACTION]) {
    const samples = new Samples();
    const opened = [];
    const open = async () => {
      const pusher = await Pusher.open(contender, way, spaces['a space each'].of);
      opened.push(pusher);
      return pusher;
    };
    for (const [situation, measure] of Object.entries(situations)) {
      progress(`${way}: ${situation}`);
      columns(samples, situation, await measure(ear, open));
      if ((await workers(contender.session) !== '0') !== (way === WORKER)) throw new Error(`${way}: ${await workers(contender.session)} workers`);
    }
    if (way === WORKER) await afterPause(contender, ear, open, samples);
    await Promise.all(opened.map(({session}) => session.close()));
    groups.push({name: 'pokes-delay', title: `From the answer to a push to its notification, ${way}`, unit: 'ms', x: 'a space each', plain: true, order: [...samples.series.keys()], samples});
    await sleep(1_500); // the worker goes
  }
  return groups;
}

export async function pokes() {
  const contender = await Contender.get('ours, space column');
  await contender.session.sql("SELECT replicache.create_space('shared', 'transaction')");
  const ear = await Ear.open(contender);
  const groups = [];
  for (const commit of Object.keys(commits)) {
    for (const [title, space] of Object.entries(spaces)) groups.push(await pushes(contender, commit, space, `${title}, ${commit}`));
  }
  groups.push(...await delays(contender, ear));
  await ear.session.close();
  groups.push(...await fanOut());
  return groups.map(({samples, ...group}) => ({file: 'pokes', ...group, series: samples.summary(0.25)}));
}
