// Pushes over one connection: by size, and with mutations that fail.
import {Contender, onDemand} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples, seconds} from './driver.mjs';

const rounds = quick ? 3 : 5;
const size = (mutations) => (quick ? mutations / 2 : mutations);

/** Sends the bodies, the first of them before the clock starts: mutations per second, and microseconds of the server's CPU time per mutation. */
export async function clocked({session, push}, all, {warmUp, batch}) {
  for (const body of all.slice(0, warmUp)) await push(session, body);
  const before = session.cpu();
  const time = await seconds(async () => {
    for (let i = warmUp; i < all.length; i++) await push(session, all[i]);
  });
  const cpu = session.cpu() - before;
  const count = (all.length - warmUp) * batch;
  return {rate: count / time, cpu: (cpu / count) * 1e6};
}

export const warmUpOf = (batch) => Math.max(1, Math.min(30, 2000 / batch));

/** One run over a fresh table. */
export async function sample(contender, {batch, mutations, failing = 0, warmUp = warmUpOf(batch), pushes = Math.max(2, Math.round(mutations / batch))}) {
  await contender.settle({empty: true});
  const client = newClient();
  const all = bodies({...client, batch, failing, pushes: warmUp + pushes}).map(contender.prepare);
  const result = await clocked(contender, all, {warmUp, batch});
  const total = (warmUp + pushes) * batch;
  await contender.expect(total - Math.floor((total * failing) / 100));
  return result;
}

/** The same runs as two groups: what the client sees, and what they cost the server. */
export function groups({name, title, x, contenders, what = 'mutation'}, rates, costs) {
  const common = {x, order: contenders.map((c) => c.name)};
  return [
    {name, title, unit: `${what}s/s`, better: 'higher', ...common, series: rates.summary()},
    {name: `${name}-cpu`, title: `${title}: CPU time of the server`, unit: `µs per ${what}`, better: 'lower', ...common, series: costs.summary()},
  ];
}

export async function bySize() {
  const mutations = {1: 2000, 10: 10000, 100: 24000, 1000: 40000};
  const contenders = [];
  const names = ['ours', 'ours-named', 'ours-sql', 'node', ...onDemand, 'plpgsql', 'plpgsql, marks each', 'plpgsql-fast', 'set', 'copy'];
  for (const name of names) contenders.push(await Contender.get(name));
  const [rates, costs] = [new Samples(), new Samples()];
  for (let round = 0; round < rounds; round++) {
    for (const batch of [1, 10, 100, 1000]) {
      for (const contender of rotated(contenders, round)) {
        progress(`push, round ${round + 1} of ${rounds}: ${contender.name}, batch ${batch}`);
        const count = size(contender.slow ? Math.min(1500, mutations[batch]) : mutations[batch]);
        const {rate, cpu} = await sample(contender, {batch, mutations: count});
        rates.add(contender.name, batch, rate);
        costs.add(contender.name, batch, cpu);
      }
    }
  }
  return groups({name: 'push', title: 'Push over one connection', x: 'mutations per push', contenders}, rates, costs)
    .map((group) => ({...group, chart: 'lines', logX: true, logY: true}));
}

export async function withFailures() {
  const contenders = [];
  for (const name of ['ours', 'ours, runs off', 'plpgsql', 'plpgsql, records errors']) contenders.push(await Contender.get(name));
  const [rates, costs] = [new Samples(), new Samples()];
  for (let round = 0; round < rounds; round++) {
    for (const failing of [0, 10, 100]) {
      for (const contender of rotated(contenders, round)) {
        progress(`failures, round ${round + 1} of ${rounds}: ${contender.name}, ${failing} %`);
        const {rate, cpu} = await sample(contender, {batch: 100, mutations: size(16000), failing});
        rates.add(contender.name, failing, rate);
        costs.add(contender.name, failing, cpu);
      }
    }
  }
  return groups({name: 'failures', title: 'Pushes of 100 with failing mutations', x: '% of mutations that fail', contenders}, rates, costs)
    .map((group) => ({...group, chart: 'bars'}));
}
