// Many at once: clients that all come back after a deploy, many connections through a pool, and a pull while a large push runs.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import {setTimeout as sleep} from 'node:timers/promises';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quantile, quick, rotated, Samples, seconds, Session} from './driver.mjs';
import {byHand, pull, request} from './pull.mjs';

const rounds = quick ? 2 : 5;
const rows = 1000;
const contenders = (names) => Promise.all(names.map((name) => Contender.get(name)));

/** One pull of everything, its answer received. */
const pullAll = ({ours}, session, group) => (ours
  ? session.run('pullAll', `SELECT ${pull}`, [request(null, group), 'ann'])
  : session.run('handAll', `SELECT ${byHand('$2')}`, [0, group]));

/** Runs work(worker, i) for each i below `total`: each worker takes the next one when it is done with one. Milliseconds of each. */
async function share(workers, total, work) {
  const times = [];
  let next = 0;
  await Promise.all(workers.map(async (worker) => {
    while (next < total) {
      const i = next++;
      times.push(await seconds(() => work(worker, i)) * 1000);
    }
  }));
  return times;
}

/** Each client has pushed one row, and now pulls all of them. */
async function afterDeploy() {
  const connections = 16;
  const taking = await contenders(['ours', 'plpgsql']);
  const rate = new Samples();
  const cpu = new Samples();
  const x = '1 000 clients, 16 connections';
  for (const contender of taking) {
    await contender.settle({empty: true});
    for (let i = 0; i < rows; i++) {
      const [body] = bodies({group: `crowd-${i}`, client: `crowd-${i}`, prefix: `crowd${i}-`, batch: 1, pushes: 1});
      await contender.push(contender.session, contender.prepare(body), '');
    }
    await contender.expect(rows);
    await contender.settle();
  }
  for (let round = 0; round <= rounds; round++) {
    for (const contender of rotated(taking, round)) {
      progress(`crowd, after a deploy, round ${round} of ${rounds}: ${contender.name}`);
      const sessions = await Promise.all(Array.from({length: connections}, () => contender.open()));
      const computed = () => sessions.reduce((sum, session) => sum + session.cpu(), 0);
      const before = computed();
      const time = await seconds(() => share(sessions, rows, (session, i) => pullAll(contender, session, `crowd-${i}`)));
      if (round > 0) {
        rate.add(contender.name, x, rows / time);
        cpu.add(contender.name, x, ((computed() - before) / rows) * 1000);
      }
      await Promise.all(sessions.map((session) => session.close()));
    }
  }
  const common = {file: 'crowd', x: 'clients that come back at once', order: taking.map(({name}) => name)};
  return [
    {...common, name: 'crowd-pulls', title: 'Complete pulls of 1 000 rows', unit: 'pulls/s', better: 'higher', series: rate.summary()},
    {...common, name: 'crowd-pulls-cpu', title: 'The same, CPU time of the server', unit: 'ms per pull', better: 'lower', series: cpu.summary()},
  ];
}

/** pgbouncer with a transaction pool of 16 server connections; what `work` returns. */
async function withPool(work) {
  const directory = mkdtempSync(`${os.tmpdir()}/bench-pool-`);
  const port = 6432;
  writeFileSync(`${directory}/ini`, `[databases]
* = host=${process.env.PGHOST} port=${process.env.PGPORT ?? 5432}
[pgbouncer]
pool_mode = transaction
listen_addr =
listen_port = ${port}
unix_socket_dir = ${directory}
auth_type = any
default_pool_size = 16
max_client_conn = 200
`.replace('* = ', `* = user=${process.env.PGUSER ?? os.userInfo().username} `));
  const asServer = process.getuid() === 0 ? ['-u', 'postgres'] : [];
  if (asServer.length) spawn('chown', ['postgres', directory]);
  const pool = spawn('pgbouncer', ['-q', ...asServer, `${directory}/ini`], {stdio: 'ignore', env: {...process.env, PATH: `${process.env.PATH}:/usr/sbin`}});
  try {
    for (let i = 0; !existsSync(`${directory}/.s.PGSQL.${port}`); i++) {
      if (i === 100 || pool.exitCode !== null) throw new Error('pgbouncer does not start');
      await sleep(50);
    }
    return await work({host: directory, port});
  } finally {
    pool.kill();
    rmSync(directory, {recursive: true, force: true});
  }
}

/** Statements have no names: the server's connection is another one each time, and Debian 12's pgbouncer knows no prepared statements. */
const pooledPush = {
  ours: 'SELECT replicache.apply_push($1, $2, $3)',
  plpgsql: 'SELECT push($1, $2, false, false, $3)',
};

async function throughPool() {
  const connections = 64;
  const spaces = 1000;
  const pushes = quick ? 4000 : 20_000;
  const warmUp = spaces; // each space gets its row, and each client
  const names = ['ours, space column', 'plpgsql, spaces'];
  const taking = await contenders(names);
  const rate = new Samples();
  const slowest = new Samples();
  const x = '64 connections, 1 000 spaces';
  await withPool(async (address) => {
    for (let round = 0; round < rounds; round++) {
      for (const contender of rotated(taking, round)) {
        progress(`crowd, through a pool, round ${round + 1} of ${rounds}: ${contender.name}`);
        await contender.settle({empty: true});
        const each = Array.from({length: spaces}, (_, space) => bodies({...newClient(), prefix: `${space}-`, batch: 1, pushes: 1 + pushes / spaces}));
        const sessions = await Promise.all(Array.from({length: connections}, () => Session.open(contender.database, address)));
        const text = pooledPush[contender.ours ? 'ours' : 'plpgsql'];
        // A push comes when the one before of its space is done. It waits seldom: there are far fewer connections than spaces.
        const done = Array(spaces);
        const push = (session, i) => {
          const space = i % spaces;
          const before = done[space];
          const values = [each[space][Math.floor(i / spaces)], 'ann', `space-${space}`];
          return (done[space] = Promise.resolve(before).then(() => session.client.query({text, values})));
        };
        await share(sessions, warmUp, push);
        let times;
        const time = await seconds(async () => { times = await share(sessions, pushes, (session, i) => push(session, warmUp + i)); });
        rate.add(contender.name, x, pushes / time);
        slowest.add(contender.name, x, quantile(times, 0.99));
        await contender.expect(warmUp + pushes);
        await Promise.all(sessions.map((session) => session.close()));
      }
    }
  });
  const common = {file: 'crowd', x: 'pgbouncer, transaction pool of 16', order: names};
  return [
    {...common, name: 'crowd-pool', title: 'Pushes of one mutation', unit: 'mutations/s', better: 'higher', series: rate.summary()},
    {...common, name: 'crowd-pool-latency', title: 'The same, time that 99 % of the pushes do not exceed', unit: 'ms', better: 'lower', series: slowest.summary()},
  ];
}

/** Complete pulls, one after the other, while another connection pushes 10 000 mutations at once. */
async function pullDuringPush() {
  const taking = await contenders(['ours', 'plpgsql']);
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    for (const contender of rotated(taking, round)) {
      progress(`crowd, pull during a push, round ${round + 1} of ${rounds}: ${contender.name}`);
      await contender.settle({empty: true});
      await contender.fill(rows, 'old');
      await contender.settle();
      const [reader, writer] = [await contender.open(), await contender.open()];
      const [body] = bodies({...newClient(), batch: 10_000, pushes: 1});
      const alone = await share([reader], 50, () => pullAll(contender, reader, 'crowd'));
      samples.add(contender.name, 'alone, median', quantile(alone.slice(10), 0.5));
      let running = true;
      const took = seconds(() => contender.push(writer, contender.prepare(body), '')).finally(() => { running = false; });
      const times = [];
      while (running) times.push(await seconds(() => pullAll(contender, reader, 'crowd')) * 1000);
      samples.add(contender.name, 'during the push, median', quantile(times, 0.5));
      samples.add(contender.name, 'slowest', Math.max(...times));
      samples.add(contender.name, 'the push', await took * 1000);
      await contender.expect(rows + 10_000);
      await Promise.all([reader.close(), writer.close()]);
    }
  }
  return {
    file: 'crowd', name: 'crowd-pull-during-push', title: 'Complete pulls of 1 000 rows while a push of 10 000 mutations runs', unit: 'ms', better: 'lower',
    x: 'pull', order: taking.map(({name}) => name), series: samples.summary(),
  };
}

export const crowd = async () => [...await afterDeploy(), ...await throughPool(), await pullDuringPush()];
