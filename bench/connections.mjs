// Several connections push at once, each for a client group of its own: to one space or to a space each; commits fast, and made 2 ms slow.
import {setTimeout as sleep} from 'node:timers/promises';
import {Contender, eachClock} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples, seconds, Session} from './driver.mjs';

const batchOf10 = 10;
export const fast = {rounds: quick ? 3 : 5, pushes: quick ? 800 : 2400};
export const slow = {rounds: 3, pushes: quick ? 80 : 240};
const withoutPoke = (name) => `${name}, no poke`;
const withSpaces = (name) => name.replace('ours', 'ours, space column');

async function configure(session, settings) {
  for (const setting of settings) await session.sql(`ALTER SYSTEM ${setting}`);
  await session.sql('SELECT pg_reload_conf()');
  await sleep(300);
}

/** What `work` returns, with commits that take 2 ms at least. */
export async function withSlowCommits(work) {
  const session = await Session.open('postgres');
  await configure(session, ['SET fsync = on', 'SET commit_delay = 2000', 'SET commit_siblings = 0']);
  try {
    return await work();
  } finally {
    await configure(session, ['RESET fsync', 'RESET commit_delay', 'RESET commit_siblings']);
    await session.close();
  }
}

async function sample(contender, {connections, spaces = 1}, {batch, pushes}) {
  await contender.settle({empty: true});
  const warmUp = 10;
  const workers = [];
  for (let i = 0; i < connections; i++) {
    const session = await contender.open();
    const all = bodies({...newClient(), prefix: `c${i}-`, batch, pushes: warmUp + Math.round(pushes / connections)}).map(contender.prepare);
    // With one space, and where there is no space column, it is the default one.
    workers.push({all, push: (body) => contender.push(session, body, spaces === 1 ? '' : `space-${i % spaces}`), close: () => session.close()});
  }
  const each = (work) => Promise.all(workers.map(work));
  await each(async ({push, all}) => {
    for (const body of all.slice(0, warmUp)) await push(body);
  });
  const time = await seconds(() => each(async ({push, all}) => {
    for (let i = warmUp; i < all.length; i++) await push(all[i]);
  }));
  const total = workers.reduce((sum, {all}) => sum + all.length, 0);
  await contender.expect(total * batch);
  await each(({close}) => close());
  return ((total - warmUp * connections) * batch) / time;
}

/** A group: what each of the contenders `names` does in each of the `columns` {x, connections, spaces}. */
async function measure({names, columns, batch = batchOf10, pushes, rounds, ...group}) {
  const contenders = [];
  for (const name of names) contenders.push(await Contender.get(name));
  const samples = new Samples();
  for (let round = 0; round < rounds; round++) {
    for (const column of columns) {
      for (const contender of rotated(contenders, round)) {
        progress(`${group.name}, round ${round + 1} of ${rounds}: ${contender.name}, ${column.x}`);
        samples.add(contender.name, column.x, await sample(contender, column, {batch, pushes}));
      }
    }
  }
  return {unit: 'mutations/s', better: 'higher', ...group, order: names, series: samples.summary()};
}

export const toOneSpace = (names, group) => measure({
  names, x: 'connections', chart: 'lines', logX: true, columns: [1, 2, 8].map((connections) => ({x: connections, connections})), ...group,
});

export const connections = async () =>
  toOneSpace([...await eachClock(), 'plpgsql'], {name: 'connections', title: 'Pushes of 10 to one space', ...fast});

export async function slowCommit() {
  const clocks = await eachClock();
  const names = [...clocks, ...clocks.map(withoutPoke), 'plpgsql'];
  return withSlowCommits(() => toOneSpace(names, {name: 'slow-commit', title: 'Pushes of 10 to one space, commit 2 ms slow', ...slow}));
}

export async function spaces() {
  const clocks = (await eachClock()).map(withSpaces);
  const common = {
    names: [...clocks, ...clocks.map(withoutPoke)], x: '8 connections', chart: 'bars',
    columns: [{x: 'one space', connections: 8}, {x: 'a space each', connections: 8, spaces: 8}],
  };
  return [
    await measure({name: 'spaces', title: 'Pushes of 10 over 8 connections', ...common, ...fast}),
    await withSlowCommits(() => measure({name: 'spaces-slow-commit', title: 'Pushes of 10 over 8 connections, commit 2 ms slow', ...common, ...slow})),
  ];
}
