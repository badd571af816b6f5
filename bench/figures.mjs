// What each piece of work costs, for bench/capacity.mjs and bench/simulate.mjs. From results/latest.json where it has the figure. The others are
// constants, from the files named. CPU in microseconds of a core of the machine of that file, bytes as measured there.
import {readFileSync} from 'node:fs';

const {facts, groups} = JSON.parse(readFileSync(new URL('results/latest.json', import.meta.url), 'utf8'));
const latest = `latest.json, ${facts.date}`;

/** [[x, median]] of a series. */
const points = (group, contender) => groups.find(({name}) => name === group).series.find((s) => s.contender === contender).points.map((p) => [p.x, p.median]);

/** The value at x, on straight lines between the points. Beyond the last one the last line goes on, before the first one the value stays. */
function along(line, x) {
  if (x <= line[0][0]) return line[0][1];
  const i = Math.max(1, Math.min(line.length - 1, line.findIndex(([at]) => at >= x) >>> 0));
  const [[x1, y1], [x2, y2]] = [line[i - 1], line[i]];
  return y1 + ((x - x1) * (y2 - y1)) / (x2 - x1);
}

const push = points('push-cpu', 'ours').map(([batch, each]) => [batch, batch * each]);
const everything = points('pull', 'ours').find(([x]) => x === 'all 10 000 rows')[1] * 1000 / 10_000; // its time, nearly all of it CPU: crowd.md has 0.89 for rows that are sent, too
const pullFor = [[100, 142], [1_000, 571], [10_000, 3_470]]; // pokes.md, "CPU time of the server"
const walOfPush = [[1, 910], [10, 4_760], [100, 41_700]]; // bytes.md, "a space each"

export const costs = {
  push: (mutations) => along(push, mutations),
  poke: 0.07, // of the CPU of a push. pokes.md: 0.934 times the throughput on two busy cores (4 connections, fast commits), so 1 / 0.934 - 1
  pullNothing: 117, // views.md, "not private", CPU time
  pullOne: 88, // pokes.md, 1 000 clients, a pull of each
  pullRow: 1.9, // views.md, "not private", 1 000 rows: (305 - 117) / 100
  completeRow: everything,
  pullFor: (clients) => along(pullFor, clients),
  message: 3.8, // of the backend for each client. pokes.md, 10 000 clients, pull_for: (41.6 ms until all messages are made - 3.47 ms of the server) / 10 000
  privateRow: 0.31, // views.md, "private", CPU time, 10 000 rows, nothing changed
  privateCompleteRow: 3.0, // views.md, first pull, CPU time, 10 000 rows
};
export const sizes = {
  wal: (mutations) => along(walOfPush, mutations),
  pageImages: 18_890, // bytes.md: pushes of one mutation right after a checkpoint, a page each, less 910
  session: 4_770_000, // bytes.md, after a pull of 10 000 rows
  space: 739, client: 346 + 142, row: 342, tombstone: 98, // bytes.md
  viewRow: 19.3, // views.md: what is stored of a row that a user sees
  answer: 431, answerRow: 240, // bytes.md: an answer with one row, and each further row
};

const us = (value) => `${value < 10 ? value.toFixed(2) : Math.round(value)} µs`;
/** The figures that a plan rests on: [what, value, source] */
export const sources = (mutations, clients) => [
  [`push of ${mutations}, CPU`, us(costs.push(mutations)), latest],
  ['its poke, CPU', `${Math.round(costs.poke * 100)} % of it`, 'pokes.md, derived'],
  ['pull of one changed row, CPU', us(costs.pullOne), 'pokes.md'],
  [`pull_for of ${Math.ceil(clients)}, CPU`, us(costs.pullFor(clients)), clients < 100 ? 'pokes.md, that of 100' : clients > 10_000 ? 'pokes.md, extrapolated' : 'pokes.md'],
  ['complete pull, CPU per row', us(costs.completeRow), latest],
  ['private pull, CPU per visible row', us(costs.privateRow), 'views.md'],
  ['backend, CPU per message', us(costs.message), 'pokes.md, derived'],
  [`push of ${mutations}, WAL`, `${Math.round(sizes.wal(mutations))} bytes`, 'bytes.md'],
  ['page images of a space after a checkpoint', `${sizes.pageImages} bytes`, 'bytes.md'],
  ['session', `${sizes.session / 1e6} MB`, 'bytes.md'],
];
