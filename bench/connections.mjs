// Several connections push to one space, each for a client of its own; commits fast, and made 2 ms slow.
import {setTimeout as sleep} from 'node:timers/promises';
import {Contender, otherClocks} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples, seconds} from './driver.mjs';

const rounds = quick ? 3 : 5;
const batch = 10;

async function configure(session, settings) {
  for (const setting of settings) await session.sql(`ALTER SYSTEM ${setting}`);
  await session.sql('SELECT pg_reload_conf()');
  await sleep(300);
}

async function sample(contender, connections, pushes) {
  await contender.settle({empty: true});
  const warmUp = 10;
  const workers = [];
  for (let i = 0; i < connections; i++) {
    const session = await contender.open();
    workers.push({session, all: bodies({...newClient(), prefix: `c${i}-`, batch, pushes: warmUp + Math.round(pushes / connections)})});
  }
  const each = (work) => Promise.all(workers.map(work));
  await each(async ({session, all}) => {
    for (const body of all.slice(0, warmUp)) await contender.push(session, body);
  });
  const time = await seconds(() => each(async ({session, all}) => {
    for (let i = warmUp; i < all.length; i++) await contender.push(session, all[i]);
  }));
  const total = workers.reduce((sum, {all}) => sum + all.length, 0);
  await contender.expect(total * batch);
  await each(({session}) => session.close());
  return ((total - warmUp * connections) * batch) / time;
}

async function measure({name, title, pushes}) {
  const contenders = [];
  for (const contender of ['ours', ...await otherClocks(), 'plpgsql']) contenders.push(await Contender.get(contender));
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    for (const connections of [1, 2, 8]) {
      for (const contender of rotated(contenders, round)) {
        progress(`${name}, round ${round + 1} of ${rounds}: ${contender.name}, ${connections} connections`);
        samples.add(contender.name, connections, await sample(contender, connections, pushes));
      }
    }
  }
  return {
    name, title, unit: 'mutations/s', better: 'higher', x: 'connections', chart: 'lines', logX: true, order: contenders.map((c) => c.name),
    series: samples.summary(),
  };
}

export const connections = () =>
  measure({name: 'connections', title: 'Pushes of 10 to one space', pushes: quick ? 800 : 2400});

export async function slowCommit() {
  const {session} = await Contender.get('ours');
  await configure(session, ['SET fsync = on', 'SET commit_delay = 2000', 'SET commit_siblings = 0']);
  try {
    return await measure({name: 'slow-commit', title: 'Pushes of 10 to one space, commit 2 ms slow', pushes: quick ? 80 : 240});
  } finally {
    await configure(session, ['RESET fsync', 'RESET commit_delay', 'RESET commit_siblings']);
  }
}
