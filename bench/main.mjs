// Every measurement in turn, on the server that the PG* variables name; then the table, the JSON and the plots.
import {writeFileSync} from 'node:fs';
import os from 'node:os';
import {bytes} from './bytes.mjs';
import {connections, slowCommit, spaces} from './connections.mjs';
import {Contender} from './contenders.mjs';
import {crowd} from './crowd.mjs';
import {crud, upload} from './crud.mjs';
import {progress, quick, seconds, Session} from './driver.mjs';
import {clients, rows} from './growth.mjs';
import {plot} from './plot.mjs';
import {pokes} from './pokes.mjs';
import {pulls, tracking} from './pull.mjs';
import {bySize, withFailures} from './push.mjs';
import {readers} from './readers.mjs';
import {factsLine, heading, table} from './report.mjs';
import {sync} from './last_mutation_at.mjs';
import {views} from './views.mjs';
import {zero} from './zero.mjs';

const measurements = {
  push: bySize, failures: withFailures, crud, upload, sync, pull: pulls, tracking, connections, 'slow-commit': slowCommit, spaces,
  'growth-rows': rows, 'growth-clients': clients, views, pokes, zero, crowd, bytes, readers,
};
const onDemand = ['views', 'pokes', 'zero', 'crowd', 'bytes', 'readers']; // each with a file of results of its own
const only = (process.env.ONLY ?? '').split(/\s+/).filter(Boolean);
const chosen = only.length ? only : Object.keys(measurements).filter((name) => !onDemand.includes(name));
for (const name of chosen) if (!measurements[name]) throw new Error(`no measurement ${name}; there are: ${Object.keys(measurements).join(', ')}`);

/** Microseconds of an empty statement: what a round trip costs on this machine, whoever makes it. */
async function roundTrip(session) {
  const trips = 3000;
  const time = await seconds(async () => {
    for (let i = 0; i < trips; i++) await session.run('one', 'SELECT 1', []);
  });
  return Math.round((time / trips) * 1e6);
}

const load = () => os.loadavg()[0].toFixed(1);
const before = load();
const groups = [];
const total = await seconds(async () => {
  for (const name of chosen) {
    let measured;
    const time = await seconds(async () => { measured = [await measurements[name]()].flat(); });
    progress('');
    for (const group of measured) console.log(`\n${heading(group)}\n\n${table(group)}`);
    console.log(`\n(${name}: ${time.toFixed(0)} s)`);
    groups.push(...measured);
  }
});

const session = await Session.open('postgres');
const facts = {
  date: new Date().toISOString().slice(0, 10), mode: quick ? 'quick' : 'full', seconds: Math.round(total), commit: process.env.BENCH_COMMIT || 'unknown',
  postgresql: `PostgreSQL ${(await session.sql('SHOW server_version')).replace(/ .*/, '')}`, node: process.versions.node,
  cores: os.cpus().length, cpu: os.cpus()[0].model.trim(), memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`, load: {before, after: load()}, roundTrip: await roundTrip(session),
  settings: {
    fsync: 'off, except where commits are 2 ms slow: on, with commit_delay = 2000 and commit_siblings = 0',
    ...Object.fromEntries(await Promise.all(['shared_buffers', 'autovacuum', 'max_wal_size', 'synchronous_commit', 'jit'].map(
      async (name) => [name, await session.sql(`SHOW ${name}`)]))),
  },
};
await session.close();
for (const contender of Contender.all.values()) await contender.session.close();

console.log(`\n${factsLine(facts)}; ${facts.seconds} s`);
const results = new URL('results/', import.meta.url);
for (const name of onDemand.filter((each) => chosen.includes(each))) {
  const tables = groups.filter(({file}) => file === name).map((g) => `${heading(g)}\n\n${table(g)}\n`);
  writeFileSync(new URL(`${name}.md`, results), `${factsLine(facts)}.\n\n${tables.join('\n')}`);
  console.log(`written: bench/results/${name}.md`);
}
if (!only.length) {
  writeFileSync(new URL('latest.json', results), `${JSON.stringify({facts, groups}, null, 1)}\n`);
  writeFileSync(new URL('latest.md', results), `${factsLine(facts)}.\n\n${groups.map((g) => `${heading(g)}\n\n${table(g)}\n\n![${g.title}](${g.name}.svg)\n`).join('\n')}`);
  for (const group of groups) writeFileSync(new URL(`${group.name}.svg`, results), plot(group));
  console.log('written: bench/results/latest.json, latest.md, *.svg');
}
