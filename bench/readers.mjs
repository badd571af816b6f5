// Pulls on standbys: what a pull costs there, and what is left for the primary to do. Each server's CPU time is that of all its processes.
import {execFileSync} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import os from 'node:os';
import {setTimeout as sleep} from 'node:timers/promises';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples, Session} from './driver.mjs';
import {pull, request} from './pull.mjs';

const rounds = quick ? 2 : 7;
const rows = 1000;
const pulls = quick ? 500 : 2000;
const pushes = quick ? 100 : 400;

const asServer = (...command) => (process.getuid() === 0 ? execFileSync('runuser', ['-u', 'postgres', '--', ...command], {stdio: ['ignore', 'ignore', 'inherit']})
  : execFileSync(command[0], command.slice(1), {stdio: ['ignore', 'ignore', 'inherit']}));

/** Seconds of computing of a postmaster's children that are there now. Their sessions stay open while this counts. */
function computed(postmaster) {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) . /, '').split(' ')[0]);
      if (parent === postmaster) sum += Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
    } catch {} // it has ended
  }
  return sum;
}

/** A standby in the directory of the private server. */
async function standby(n) {
  const directory = `${process.env.PGHOST}/standby${n}`;
  const port = Number(process.env.PGPORT) + n;
  asServer('pg_basebackup', '-D', directory, '-R', '-c', 'fast', '-h', process.env.PGHOST, '-p', process.env.PGPORT, '-U', process.env.PGUSER);
  asServer('pg_ctl', '-D', directory, '-o', `-p ${port}`, '-l', `${directory}/log`, '-w', 'start');
  return {directory, address: {port}, postmaster: Number(readFileSync(`${directory}/postmaster.pid`, 'utf8').split('\n')[0])};
}

const inWal = (lsn) => lsn.split('/').reduce((sum, half) => sum * 2 ** 32 + parseInt(half, 16), 0);

export async function readers() {
  const contender = await Contender.get('ours');
  await contender.settle({empty: true});
  await contender.fill(rows, 'old');
  await contender.settle();
  const primary = {address: {}, postmaster: Number(readFileSync(`${process.env.PGHOST}/data/postmaster.pid`, 'utf8').split('\n')[0])};
  const standbys = [];
  const perPull = new Samples();
  const share = new Samples();
  const arrangements = {'on the primary': [primary]};
  try {
    for (const n of [1, 2]) {
      progress(`readers: standby ${n}`);
      standbys.push(await standby(n));
      arrangements[n === 1 ? 'on one standby' : 'on two standbys'] = [...standbys];
    }
    for (let round = 0; round <= rounds; round++) {
      for (const [name, servers] of rotated(Object.entries(arrangements), round)) {
        progress(`readers, round ${round} of ${rounds}: ${name}`);
        for (const what of ['everything', 'nothing changed']) {
          const sessions = await Promise.all([...servers, ...servers].map(({address}) => Session.open(contender.database, address)));
          const writer = await contender.open();
          const each = bodies({...newClient(), prefix: `${round}-${name}-${what}-`.replaceAll(' ', '-'), batch: 1, pushes: what === 'everything' ? pushes : 1});
          await contender.push(writer, contender.prepare(each[0]), '');
          const head = await writer.sql('SELECT pg_current_wal_lsn()');
          for (const session of sessions) while (inWal(await session.sql("SELECT coalesce(pg_last_wal_replay_lsn(), 'FFFFFFFF/0')")) < inWal(head)) await sleep(1);
          // The cookie of a client that has everything; the answer is long, and the cookie comes first.
          const [[start]] = await sessions[0].run('cookie', `SELECT left(${pull}::text, 300)`, [request(null), 'ann']);
          const cookie = what === 'everything' ? null : JSON.parse(start.match(/"cookie":(.*?),"lastMutationIDChanges"/)[1]);
          for (const session of sessions) await session.run('pull', `SELECT ${pull}`, [request(cookie), 'ann']);
          const all = [primary, ...standbys];
          const before = {sessions: sessions.reduce((sum, session) => sum + session.cpu(), 0), servers: all.map(({postmaster}) => computed(postmaster))};
          let left = pulls;
          const reading = Promise.all(sessions.map(async (session) => {
            while (left-- > 0) await session.run('pull', `SELECT ${pull}`, [request(cookie), 'ann']);
          }));
          for (const body of each.slice(1)) await contender.push(writer, contender.prepare(body), '');
          await reading;
          const used = all.map(({postmaster}, i) => computed(postmaster) - before.servers[i]);
          if (round > 0) {
            perPull.add(name, what, ((sessions.reduce((sum, session) => sum + session.cpu(), 0) - before.sessions) / pulls) * 1e6);
            if (what === 'everything') ['primary', 'first standby', 'second standby'].forEach((server, i) => share.add(name, server, used[i] * 1000));
          }
          await Promise.all([...sessions, writer].map((session) => session.close()));
          await contender.session.sql("DELETE FROM message WHERE id NOT LIKE 'old%'");
          await contender.settle();
        }
      }
    }
  } finally {
    for (const {directory} of standbys) asServer('pg_ctl', '-D', directory, '-m', 'immediate', '-w', 'stop');
  }
  const common = {file: 'readers', x: 'pulls', plain: true, better: 'lower', order: Object.keys(arrangements)};
  return [
    {...common, name: 'readers-pull', title: `A pull of ${rows} rows, and one when nothing has changed, CPU time of its session`, unit: 'µs', series: perPull.summary()},
    {...common, name: 'readers-servers', title: `${pulls} pulls of ${rows} rows and ${pushes} pushes, CPU time of each server`, unit: 'ms', series: share.summary()},
  ];
}
