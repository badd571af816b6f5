#!/usr/bin/env node
// Many clients over many spaces on one or more servers: a simulation of discrete events over measured costs (figures.mjs). Without
// arguments it writes results/scale.md. The same seed gives the same tables. docs/scale.md says what the model leaves out.
//
// A push waits for a connection, then for the lock of its space, computes, commits, and pokes. The windows of the space are told in rounds, one at a
// time: by a pull_for of each backend, or by a pull of each window. Pushes that commit meanwhile share the next round.
import {writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {costs} from './figures.mjs';
import {number} from './report.mjs';

const {values} = parseArgs({options: {
  seconds: {type: 'string', default: '4'}, seed: {type: 'string', default: '1'}, clients: {type: 'string', default: '1000000'}, spaces: {type: 'string', default: '100000'},
  pushes: {type: 'string', default: '10000'}, cores: {type: 'string', default: '16'}, backends: {type: 'string', default: '4'},
}});
const given = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]));
const CONNECTIONS = 100; // for pushes, to each server
const LOCK_TIMEOUT = 2; // seconds: docs/operations.md, Waiting
const CONNECTION_TIMEOUT = 5;
const WARM_UP = 6; // seconds that are not counted. A queue that is overloaded goes on growing after them
const CHUNK = 50; // pulls of one space that run one after the other, so that others get their turn in between

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens next, by time: a binary heap. */
class Agenda {
  times = [];
  events = [];

  add(time, event) {
    let i = this.times.length;
    while (i > 0 && this.times[(i - 1) >> 1] > time) {
      this.times[i] = this.times[(i - 1) >> 1];
      this.events[i] = this.events[(i - 1) >> 1];
      i = (i - 1) >> 1;
    }
    this.times[i] = time;
    this.events[i] = event;
  }

  /** The next event; its time is in `now`. */
  next() {
    const {times, events} = this;
    const event = events[0];
    this.now = times[0];
    const [time, last, size] = [times.pop(), events.pop(), times.length];
    for (let i = 0; size; ) {
      let child = 2 * i + 1;
      if (child + 1 < size && times[child + 1] < times[child]) child++;
      if (child >= size || times[child] >= time) {
        times[i] = time;
        events[i] = last;
        break;
      }
      times[i] = times[child];
      events[i] = events[child];
      i = child;
    }
    return event;
  }
}

class Queue {
  items = [];
  head = 0;

  add(item) { this.items.push(item); }

  take() {
    if (this.head === this.items.length) return undefined;
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.head === this.items.length) this.items.length = this.head = 0;
    return item;
  }
}

/** The weights of spaces: 1 / rank ^ zipf. The first `split` of them are cut into `parts`. */
function weightsOf({spaces, zipf, split = 0, parts = 16}) {
  const weights = [];
  for (let rank = 1; rank <= spaces; rank++) for (let i = 0, n = rank <= split ? parts : 1; i < n; i++) weights.push(rank ** -zipf / n);
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

const quantile = (sorted, share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];

export function simulate({clients, spaces, pushes, seconds, seed, cores, backends, shards, zipf, commit, fanOut, clock = 'counter', split, atOnce = Infinity}) {
  const random = generator(seed);
  const spread = () => 0.5 + random(); // of a time around its mean
  const weights = weightsOf({spaces, zipf, split});
  const cumulated = new Float64Array(weights.length);
  weights.reduce((sum, weight, i) => (cumulated[i] = sum + weight), 0);
  const pick = () => {
    let [low, high] = [0, weights.length - 1];
    for (const at = random() * cumulated[high]; low < high;) {
      const middle = (low + high) >> 1;
      if (cumulated[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const pushCpu = (costs.push(1) * (1 + costs.poke)) / 1e6;
  const agenda = new Agenda();
  const end = WARM_UP + seconds;
  // The most active spaces are dealt out to the servers in turn.
  const servers = Array.from({length: shards}, () => (
    {free: cores, connections: CONNECTIONS, waiting: new Queue(), pushes: new Queue(), pulls: new Queue(), pullsNext: false, busy: 0}));
  const all = weights.map((weight, i) => (
    {i, windows: Math.max(1, Math.round(clients * weight)), server: servers[i % shards], pushes: 0, locked: false, waiting: null, held: 0, round: null, poked: null}));
  const counts = {done: 0, refused: 0, rounds: 0, messages: 0};
  const pushTimes = [];
  const pullTimes = [];
  const counted = () => agenda.now >= WARM_UP;

  /** Computes for so long, as soon as a core is free. Pushes and pulls get cores in turn. */
  function compute(server, kind, time, then) {
    server[kind].add({time, then});
    dispatch(server);
  }
  function dispatch(server) {
    while (server.free > 0) {
      const [first, second] = server.pullsNext ? [server.pulls, server.pushes] : [server.pushes, server.pulls];
      const job = first.take() ?? second.take();
      if (!job) return;
      server.pullsNext = !server.pullsNext;
      server.free--;
      if (counted()) server.busy += Math.min(job.time, end - agenda.now);
      agenda.add(agenda.now + job.time, () => {
        server.free++;
        job.then();
        dispatch(server);
      });
    }
  }

  /** Waits in the queue, and gives up after a time. */
  function wait(queue, push, limit, givenUp) {
    queue.add(push);
    push.waits++;
    const turn = push.waits;
    agenda.add(agenda.now + limit, () => {
      if (push.waits !== turn) return;
      push.waits = -1;
      push.space.pushes--;
      if (counted()) counts.refused++;
      givenUp?.();
    });
  }
  /** The next that has not given up; it waits no more. */
  function nextOf(queue) {
    let push = queue.take();
    while (push && push.waits < 0) push = queue.take();
    if (push) push.waits++;
    return push;
  }

  function arrive() {
    agenda.add(agenda.now - Math.log(1 - random()) / pushes, arrive);
    const push = {space: all[pick()], start: agenda.now, waits: 0};
    const {space} = push;
    if (space.pushes === atOnce) {
      if (counted()) counts.refused++;
      return;
    }
    space.pushes++;
    if (space.server.connections > 0) connected(push);
    else wait(space.server.waiting, push, CONNECTION_TIMEOUT);
  }
  function connected(push) {
    const {space} = push;
    space.server.connections--;
    if (clock === 'transaction' || !space.locked) run(push);
    else wait(space.waiting ??= new Queue(), push, LOCK_TIMEOUT, () => disconnect(space.server));
  }
  function disconnect(server) {
    server.connections++;
    const next = nextOf(server.waiting);
    if (next) connected(next);
  }
  function run(push) {
    const {space} = push;
    const since = agenda.now;
    space.locked = true;
    compute(space.server, 'pushes', pushCpu * spread(), () => agenda.add(agenda.now + commit * spread(), () => {
      if (since >= WARM_UP) space.held += Math.min(agenda.now, end) - since;
      space.locked = false;
      space.pushes--;
      if (counted()) {
        counts.done++;
        pushTimes.push(agenda.now - push.start);
      }
      poke(space);
      const next = clock === 'counter' && space.waiting && nextOf(space.waiting);
      if (next) run(next);
      disconnect(space.server);
    }));
  }

  function poke(space) {
    (space.poked ??= []).push(agenda.now);
    if (!space.round) tell(space);
  }
  function tell(space) {
    space.round = space.poked;
    space.poked = null;
    const {windows, server} = space;
    const asking = fanOut === 'pull' ? Math.ceil(windows / CHUNK) : Math.min(backends, windows);
    let left = asking;
    const made = fanOut === 'pull' ? 0 : (windows / asking) * costs.message / 1e6; // the backend makes the messages
    const told = () => {
      if (--left) return;
      if (counted()) {
        counts.rounds++;
        counts.messages += windows;
        for (const time of space.round) pullTimes.push(agenda.now - time);
      }
      space.round = null;
      if (space.poked) tell(space);
    };
    for (let i = 0; i < asking; i++) {
      const time = (fanOut === 'pull' ? Math.min(CHUNK, windows - i * CHUNK) * costs.pullOne : costs.pullFor(windows / asking)) / 1e6;
      compute(server, 'pulls', time, () => (made ? agenda.add(agenda.now + made, told) : told()));
    }
  }

  agenda.add(0, arrive);
  for (;;) {
    const event = agenda.next();
    if (agenda.now >= end) break;
    event();
  }
  const untold = all.reduce((sum, {round, poked}) => sum + (round?.length ?? 0) + (poked?.length ?? 0), 0);
  for (const times of [pushTimes, pullTimes]) times.sort((a, b) => a - b);
  const used = servers.map(({busy}) => busy / cores / seconds);
  return {
    ...counts, untold, seconds, cpu: used.reduce((a, b) => a + b) / shards, busiest: Math.max(...used),
    push: [0.5, 0.99].map((share) => quantile(pushTimes, share) * 1000), pull: [0.5, 0.99].map((share) => quantile(pullTimes, share) * 1000),
    saturated: clock === 'counter' ? all.filter(({held}) => held / seconds > 0.9).length : 0,
  };
}

const columns = ['CPU, mean', 'busiest server', 'push, 50 %', '99 %', 'refused', 'told, 50 %', '99 %', 'not yet told', 'pushes per round', 'messages/s', 'saturated spaces'];
const ms = (value) => (value === undefined ? '' : `${number(value)} ms`);
const percent = (share) => `${(share * 100).toFixed(1)} %`;
const cells = (r) => [percent(r.cpu), percent(r.busiest), ...r.push.map(ms), percent(r.refused / (r.done + r.refused)), ...r.pull.map(ms), percent(r.untold / (r.done + r.untold)),
  r.rounds ? number(Math.max(1, r.done / r.rounds)) : '', number(r.messages / r.seconds), r.saturated];

const usual = {...given, commit: 0.002, fanOut: 'pull_for'};
const shardCounts = [1, 4, 16];
const tables = [0, 0.6, 1].map((zipf) => [`Zipf ${zipf}${zipf ? '' : ': all spaces alike'}`,
  ['pull_for', 'pull'].flatMap((fanOut) => shardCounts.map((shards) => [`${shards} × ${given.cores} cores, ${fanOut}`, {...usual, zipf, fanOut, shards}]))]);
tables.push(['Zipf 1: what helps hot spaces', [
  ['4 servers, at most 10 pushes of a space at once', {zipf: 1, shards: 4, atOnce: 10}],
  ['4 servers, commits of 0.3 ms', {zipf: 1, shards: 4, commit: 0.0003}],
  ['4 servers, commits of 10 ms', {zipf: 1, shards: 4, commit: 0.01}],
  ['4 servers, the first 10 spaces split into 16', {zipf: 1, shards: 4, split: 10}],
  ['4 servers, clock transaction', {zipf: 1, shards: 4, clock: 'transaction'}],
  ['1 server, clock transaction', {zipf: 1, shards: 1, clock: 'transaction'}],
].map(([name, options]) => [name, {...usual, ...options}])]);

/** What the command line asks for. */
function main() {
  const start = Date.now();
  const text = tables.map(([title, rows]) => [`**${title}**`, '', `| servers | ${columns.join(' | ')} |`, `|---|${columns.map(() => '---:').join('|')}|`,
    ...rows.map(([name, options]) => `| ${name} | ${cells(simulate(options)).join(' | ')} |`), ''].join('\n')).join('\n');
  const head = `A simulation, not a measurement: node bench/simulate.mjs, seed ${given.seed}. ${given.clients} windows over ${given.spaces} spaces, ${given.pushes} pushes of one mutation per second, `
    + `${given.seconds} s after ${WARM_UP} s, servers of ${given.cores} cores, ${given.backends} backends, commits of 2 ms where nothing else is said. [What the columns mean](../../docs/scale.md#a-simulation).\n\n`;
  console.log(text);
  console.error(`${((Date.now() - start) / 1000).toFixed(1)} s`);
  if (process.argv.length === 2) writeFileSync(new URL('results/scale.md', import.meta.url), head + text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
