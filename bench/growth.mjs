// What a mutation costs as the table and the number of clients grow.
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples, seconds} from './driver.mjs';

const rounds = quick ? 3 : 7;
const names = ['ours', 'plpgsql'];

/** Microseconds per mutation of these bodies; the first `warmUp` of them before the clock starts. */
async function cost(contender, all, warmUp, batch) {
  for (const body of all.slice(0, warmUp)) await contender.push(contender.session, body);
  const time = await seconds(async () => {
    for (let i = warmUp; i < all.length; i++) await contender.push(contender.session, all[i]);
  });
  return (time / ((all.length - warmUp) * batch)) * 1e6;
}

export async function rows() {
  const batch = 100;
  const contenders = await Promise.all(names.map((name) => Contender.get(name)));
  const samples = new Samples();
  let filled = 0;
  for (const size of quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6, 1e7]) {
    // Filling it anew for each sample would take too long for these, and what a sample adds is little: the tables just grow.
    const large = size > 1e5;
    if (large) {
      progress(`growth: filling up to ${size} rows`);
      await Promise.all(contenders.map((contender) => contender.fill(size - filled, `g${size}-`)));
      await contenders[0].session.sql('CHECKPOINT');
    }
    for (let round = 0; round < rounds; round++) {
      for (const contender of rotated(contenders, round)) {
        progress(`growth, ${size} rows, round ${round + 1} of ${rounds}: ${contender.name}`);
        if (!large) {
          await contender.settle({empty: true});
          await contender.fill(size, `g${size}-`);
        }
        // No checkpoint now: after one, the first change of each page is a copy of the whole page in the log.
        await contender.session.sql('VACUUM (ANALYZE) message');
        const prefix = `m${size}-${round}-`;
        const all = bodies({...newClient(), prefix, batch, pushes: 50});
        samples.add(contender.name, size, await cost(contender, all, 10, batch));
        await contender.expect(all.length * batch, prefix);
      }
    }
    filled = size;
  }
  for (const contender of contenders) await contender.settle({empty: true});
  return {
    name: 'growth-rows', title: 'Pushes of 100 into a growing table', unit: 'µs per mutation', better: 'lower', x: 'rows in the table',
    chart: 'lines', logX: true, order: names, series: samples.summary(),
  };
}

const fillClients = {
  ours: `TRUNCATE replicache.client, replicache.client_group;
    INSERT INTO replicache.client_group SELECT 'g' || n, 'ann', '' FROM generate_series(0, $N - 1) n;
    INSERT INTO replicache.client SELECT 'c' || n, 'g' || n, 0, 0, now() FROM generate_series(0, $N - 1) n;
    VACUUM (ANALYZE) replicache.client, replicache.client_group`,
  plpgsql: `TRUNCATE client, client_group;
    INSERT INTO client_group SELECT 'g' || n, 'ann' FROM generate_series(0, $N - 1) n;
    INSERT INTO client SELECT 'c' || n, 'g' || n, 0, 0 FROM generate_series(0, $N - 1) n;
    VACUUM (ANALYZE) client, client_group`,
};

export async function clients() {
  const batch = 10;
  const pushes = 400;
  const contenders = await Promise.all(names.map((name) => Contender.get(name)));
  const samples = new Samples();
  for (const size of quick ? [1, 1e2, 1e4] : [1, 1e2, 1e4, 1e5]) {
    const sent = new Map(contenders.map((contender) => [contender, new Map()]));
    for (const contender of contenders) {
      await contender.settle();
      for (const sql of fillClients[contender.name].replaceAll('$N', size).split(';')) await contender.session.sql(sql);
    }
    for (let round = 0; round < rounds; round++) {
      for (const contender of rotated(contenders, round)) {
        progress(`growth, ${size} clients, round ${round + 1} of ${rounds}: ${contender.name}`);
        await contender.session.sql('TRUNCATE message');
        const last = sent.get(contender);
        const all = [];
        for (let push = 0; push < pushes; push++) {
          const client = ((round * pushes + push) * 7919) % size;
          const first = (last.get(client) ?? 0) + 1;
          last.set(client, first + batch - 1);
          all.push(...bodies({group: `g${client}`, client: `c${client}`, prefix: `m${String(push).padStart(4, '0')}-`, batch, pushes: 1, first}));
        }
        samples.add(contender.name, size, await cost(contender, all, 50, batch));
        await contender.expect(pushes * batch);
      }
    }
  }
  return {
    name: 'growth-clients', title: 'Pushes of 10, each from another client', unit: 'µs per mutation', better: 'lower', x: 'clients',
    chart: 'lines', logX: true, order: names, series: samples.summary(),
  };
}
