#!/usr/bin/env node
// How many servers an app needs: a calculator over measured costs (figures.mjs). It prints what it assumes. docs/scale.md explains it.
import {parseArgs} from 'node:util';
import {costs, sizes, sources} from './figures.mjs';
import {number} from './report.mjs';

const parameters = { // name: [default, unit, meaning]
  users: [100_000, '', 'client groups on record: browser profiles that have pushed'],
  online: [10, '%', 'of them are connected at the peak, with one window each'],
  spaces: [10_000, '', 'spaces'],
  hearers: [0, '', 'connected windows that hear of a push, on average over the pushes. 0: connected ÷ spaces. More, if large spaces are also busy'],
  hottest: [1, '%', 'of all pushes go to the busiest space'],
  rows: [1_000, '', 'rows per space'],
  private: [0, '%', 'of the spaces have private tables, whose rows all their users see'],
  writes: [1_000, '/s', 'mutations at the peak. Each writes one row'],
  'per-push': [1, '', 'mutations per push'],
  inserts: [50, '%', 'of the mutations add a row'],
  deletes: [10, '%', 'of the mutations delete a row and leave a tombstone'],
  keep: [90, 'days', 'that tombstones are kept (collect_garbage)'],
  complete: [0.2, '/day', 'complete pulls of each user: new devices, lost caches'],
  average: [20, '%', 'of the peak is the load on average over the month'],
  'fan-out': ['pull_for', '', 'how windows hear of a change: pull_for (one answer for all of a backend), or pull (each asks)'],
  backends: [2, '', 'backend processes; a space has windows at all of them'],
  commit: [2, 'ms', 'commit latency: flush of the WAL, and the synchronous standby if there is one'],
  checkpoint: [15, 'min', 'between checkpoints'],
  cores: [16, '', 'cores of a server'],
  busy: [50, '%', 'of the cores may be busy at the peak, and of the time of a lock'],
  wal: [100, 'MB/s', 'of WAL that a server can write and send to its standbys'],
};

const aboveZero = ['users', 'spaces', 'writes', 'per-push', 'average', 'backends', 'checkpoint', 'cores', 'busy', 'wal'];

function read() {
  const options = Object.fromEntries(Object.keys(parameters).map((name) => [name, {type: 'string'}]));
  const {values} = parseArgs({options: {...options, help: {type: 'boolean', short: 'h'}}});
  if (values.help) {
    console.log('node bench/capacity.mjs [--name value]…\n');
    for (const [name, [standard, unit, meaning]] of Object.entries(parameters)) console.log(`  --${name.padEnd(10)} ${`${standard} ${unit}`.padEnd(9)} ${meaning}`);
    process.exit();
  }
  return Object.fromEntries(Object.entries(parameters).map(([name, [standard]]) => {
    const text = values[name] ?? String(standard);
    if (name === 'fan-out' ? !['pull', 'pull_for'].includes(text) : !(Number(text) >= 0)) throw new Error(`--${name} cannot be ${text}`);
    if (aboveZero.includes(name) && Number(text) === 0) throw new Error(`--${name} must be above zero`);
    return [name, name === 'fan-out' ? text : Number(text)];
  }));
}

/** @returns what the app asks for at the peak, over all servers: cores, bytes per second, and so on */
function demand(p) {
  const share = p.private / 100;
  const pushes = p.writes / p['per-push'];
  const windows = p.hearers || Math.max(1, (p.users * p.online) / 100 / p.spaces);
  // The backends that hold at least one of the windows, if each window is at any of them.
  const asking = p['fan-out'] === 'pull' ? windows : p.backends * (1 - (1 - 1 / p.backends) ** windows);
  const more = (p['per-push'] - 1) * costs.pullRow; // further changed rows
  const fanOut = (p['fan-out'] === 'pull' ? costs.pullOne : costs.pullFor(windows / asking)) + more;
  const privatePull = costs.pullNothing + p.rows * costs.privateRow + more;
  const completes = (p.users * p.complete) / 86_400 / (p.average / 100);
  const pushCpu = costs.push(p['per-push']) * (1 + costs.poke);
  const pullRate = pushes * (asking * (1 - share) + windows * share) + completes;
  const pullCores = (pushes * ((1 - share) * asking * fanOut + share * windows * privatePull)
    + completes * (costs.pullNothing + p.rows * ((1 - share) * costs.completeRow + share * costs.privateCompleteRow))) / 1e6;
  const touched = Math.min(p.spaces, pushes * p.checkpoint * 60) / (p.checkpoint * 60); // spaces per second that are written first after a checkpoint
  return {
    pushes, windows, pullRate, pullCores, pushCores: (pushes * pushCpu) / 1e6,
    delivered: pushes * windows, backendCores: (pushes * windows * costs.message) / 1e6, network: pushes * windows * (sizes.answer + (p['per-push'] - 1) * sizes.answerRow),
    wal: pushes * sizes.wal(p['per-push']) + touched * sizes.pageImages,
    lock: (pushes * p.hottest / 100) * (costs.push(p['per-push']) / 1e6 + p.commit / 1e3),
    lockRate: (p.busy / 100) / (costs.push(p['per-push']) / 1e6 + p.commit / 1e3),
  };
}

function plan(p, d) {
  const usable = p.cores * p.busy / 100;
  const worth = {cpu: d.pushCores / usable, wal: d.wal / (p.wal * 1e6)};
  const shards = Math.max(1, Math.ceil(Math.max(worth.cpu, worth.wal)));
  const spare = shards * usable - d.pushCores;
  const standbys = Math.ceil(Math.max(0, d.pullCores - spare) / shards / usable);
  // Little's law, a core that is half busy taking twice as long; and three standard deviations.
  const slower = 1 / (1 - Math.min(0.9, p.busy / 100)) / 1e6;
  const inFlight = (d.pushes * (costs.push(p['per-push']) * slower + p.commit / 1e3)) / shards + (d.pullCores * slower * 1e6) / shards;
  const connections = Math.ceil(inFlight + 3 * Math.sqrt(inFlight)) + p.backends;
  const second = 30 * 86_400 * p.average / 100;
  const bound = d.lock > p.busy / 100 ? 'the lock of the busiest space. More servers do not help: docs/scale.md, hot spaces'
    : shards > 1 ? (worth.cpu >= worth.wal ? 'the CPU of pushes: shards' : 'the WAL: shards')
      : standbys ? 'the CPU of pulls: standbys' : 'nothing: one server does it';
  return {
    usable, worth, shards, standbys, connections, bound,
    rows: p.spaces * p.rows * sizes.row + p.spaces * sizes.space + p.users * sizes.client + (p.private / 100) * p.users * p.rows * sizes.viewRow,
    growth: p.writes * second * p.inserts / 100 * sizes.row,
    tombstones: p.writes * p.deletes / 100 * p.keep * 86_400 * p.average / 100 * sizes.tombstone,
    archive: d.wal * second,
  };
}

const size = (bytes) => (bytes >= 1e12 ? `${number(bytes / 1e12)} TB` : bytes >= 1e9 ? `${number(bytes / 1e9)} GB` : bytes >= 1e6 ? `${number(bytes / 1e6)} MB` : `${number(bytes / 1e3)} kB`);
const percent = (share) => `${number(share * 100)} %`;
function section(title, lines) {
  console.log(`${title}\n${lines.map(([what, value, note = '']) => `  ${what.padEnd(42)}${String(value).padStart(12)}  ${note}`.trimEnd()).join('\n')}\n`);
}

let p;
try {
  p = read();
} catch (error) {
  console.error(`capacity: ${error.message}`);
  process.exit(2);
}
const d = demand(p);
const a = plan(p, d);
section('At the peak', [
  ['pushes', `${number(d.pushes)}/s`],
  ['windows that hear of each', number(d.windows)],
  ['messages to windows', `${number(d.delivered)}/s`, `${size(d.network)}/s`],
  [`queries for them (${p['fan-out']}), complete pulls`, `${number(d.pullRate)}/s`],
  ['cores for pushes', number(d.pushCores)],
  ['cores for pulls', number(d.pullCores)],
  ['cores of backends, for messages', number(d.backendCores), 'without sending them'],
  ['WAL', `${size(d.wal)}/s`],
  ['lock of the busiest space, busy', percent(d.lock), `clock counter; ${number(d.lockRate)} pushes/s keep it at ${p.busy} %`],
]);
section('Servers', [
  ['shards (primaries)', a.shards, `pushes take ${number(a.worth.cpu)}, WAL ${number(a.worth.wal)} of them, of ${p.cores} cores`],
  ['standbys of each that answer pulls', a.standbys],
  ['connections to each shard', a.connections, `${size(a.connections * sizes.session)} of memory`],
  ['bound by', '', a.bound],
]);
section('Disk, all shards', [
  ['rows and bookkeeping at the beginning', size(a.rows)],
  ['new rows per month', size(a.growth)],
  ['tombstones, when they are collected', size(a.tombstones), `${p.keep} days`],
  ['WAL per month, if archived', size(a.archive)],
]);
section('Figures (bench/results)', sources(p['per-push'], d.windows / (p['fan-out'] === 'pull' ? 1 : p.backends)));
