// Pulls: everything, a little of much, nothing. And what tracking costs a writer.
import {Contender, eachClock} from './contenders.mjs';
import {create, progress, quick, rotated, Samples, seconds, settle} from './driver.mjs';
import {xLabel} from './report.mjs';

const rounds = quick ? 5 : 9;
export const request = (cookie, group = 'group-pull') => JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: group, cookie, pullVersion: 1, schemaVersion: ''});

// The whole answer is built, but not sent: sending it costs both the same.
export const pull = 'replicache.pull($1, $2)';
export const byHand = (group = "'group-pull'") => `(SELECT json_build_object('cookie', (SELECT version FROM space WHERE id = ''), 'lastMutationIDChanges',
    (SELECT coalesce(json_object_agg(id, last_mutation_id), '{}') FROM client WHERE client_group_id = ${group} AND version > $1::bigint),
    'patch', (SELECT coalesce(json_agg(json_build_object('op', 'put', 'key', 'message/' || id, 'value',
      json_build_object('id', id, 'sender', sender, 'content', content, 'ord', ord))), '[]') FROM message WHERE version > $1::bigint AND NOT deleted)))`;

/** The cookie for which nothing has changed, as JSON: what it is, is the clock's affair. It comes first in the answer. */
async function currentCookie(session) {
  const [[start]] = await session.run('cookie', `SELECT left(${pull}::text, 200)`, [request(null), 'ann']);
  return JSON.parse(start.match(/"cookie":(.*?),"lastMutationIDChanges"/)[1]);
}

async function compare(samples, x, times, ways) {
  const entries = Object.entries(ways);
  for (const [, work] of entries) for (let i = 0; i < Math.min(times, 8); i++) await work();
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of rotated(entries, round)) {
      const time = await seconds(async () => {
        for (let i = 0; i < times; i++) await work();
      });
      samples.add(name, x, (time / times) * 1000);
    }
  }
}

export async function pulls() {
  const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000];
  const many = quick ? 100_000 : 1_000_000;
  const samples = new Samples();
  const ours = [];
  for (const name of await eachClock()) ours.push(await Contender.get(name));
  const contenders = [...ours, await Contender.get('plpgsql')];
  const hand = contenders.at(-1).session;
  /** The same work for each of ours, by name. */
  const eachOfOurs = (work) => Object.fromEntries(ours.map((contender) => [contender.name, () => work(contender)]));

  for (const contender of contenders) await contender.settle({empty: true});
  let rows = 0;
  for (const size of sizes) {
    progress(`pull of ${size} rows`);
    for (const contender of contenders) {
      await contender.fill(size - rows, `p${size}-`);
      await contender.settle();
    }
    rows = size;
    await compare(samples, `all ${xLabel(size)} rows`, Math.max(1, 20_000 / size), {
      ...eachOfOurs(({session}) => session.run('pullSize', `SELECT octet_length(${pull}::text)`, [request(null), 'ann'])),
      'json_agg by hand': () => hand.run('handSize', `SELECT octet_length(${byHand()}::text)`, [0]),
    });
  }

  progress(`pull of 100 rows out of ${many}`);
  const since = new Map(); // the cookie before the change, by contender
  const every = Math.floor((many - rows) / 100);
  const changed = `id IN (SELECT 'q' || lpad((n * ${every})::text, 9, '0') FROM generate_series(1, 100) n)`;
  for (const contender of contenders) {
    await contender.fill(many - rows, 'q');
    if (contender.ours) since.set(contender, request(await currentCookie(contender.session)));
    await contender.settle();
    await contender.session.sql(`UPDATE message SET sender = 'Bob'${contender.ours ? '' : ', version = 2'} WHERE ${changed}`);
    await contender.settle();
  }
  const changes = (contender, body) => contender.session.run('pull', `SELECT ${pull}`, [body, 'ann']);
  const now = new Map();
  for (const contender of ours) {
    const [[answer]] = await changes(contender, since.get(contender));
    const {patch, cookie} = JSON.parse(answer);
    if (patch.length !== 100) throw new Error(`the pull of ${contender.name} has ${patch.length} rows instead of 100`);
    now.set(contender, request(cookie));
  }
  const bare = () => hand.run('bare', 'SELECT id, sender, content, ord FROM message WHERE version > $1', [1]);
  if ((await bare()).length !== 100) throw new Error('there are not 100 rows to pull by hand');
  await compare(samples, `100 rows of ${xLabel(many)}`, 200, {
    ...eachOfOurs((contender) => changes(contender, since.get(contender))),
    'json_agg by hand': () => hand.run('hand', `SELECT ${byHand()}`, [1]),
    'bare SELECT': bare,
  });

  progress('pull of nothing');
  await compare(samples, 'nothing changed', 1000, {
    ...eachOfOurs((contender) => changes(contender, now.get(contender))),
    'bare SELECT': () => hand.run('version', "SELECT version FROM space WHERE id = ''", []),
  });
  for (const contender of contenders) await contender.settle({empty: true});
  return {
    name: 'pull', title: 'Pull', unit: 'ms', better: 'lower', x: 'what is pulled', chart: 'bars', logY: true,
    order: [...ours.map(({name}) => name), 'json_agg by hand', 'bare SELECT'], series: samples.summary(),
  };
}

export async function tracking() {
  const rows = quick ? 30_000 : 100_000;
  const session = await create('bench_tracking', ['tracking']);
  await session.sql(`INSERT INTO source SELECT 'm' || lpad(n::text, 9, '0'), 'Ann', repeat('hello ', 20) || n, n FROM generate_series(1, ${rows}) n`);
  const samples = new Samples();
  for (let round = 0; round <= rounds; round++) {
    for (const table of rotated(['tracked', 'untracked'], round)) {
      progress(`tracking, round ${round}: ${table}`);
      await settle(session, [table, 'replicache.tombstone'], {truncate: [table, 'replicache.tombstone']});
      for (const [x, sql] of [
        ['INSERT', `INSERT INTO ${table} (id, sender, content, ord) SELECT * FROM source`],
        ['UPDATE', `UPDATE ${table} SET sender = 'Bob', version = version + 1`],
        ['DELETE', `DELETE FROM ${table}`],
      ]) {
        const before = session.cpu();
        await session.sql(sql);
        if (round > 0) samples.add(table, x, ((session.cpu() - before) / rows) * 1e6);
      }
    }
  }
  await session.close();
  return {
    name: 'tracking', title: `Tracking: one statement writes ${xLabel(rows)} rows`, unit: 'µs of CPU per row', better: 'lower', x: 'statement', chart: 'bars',
    order: ['tracked', 'untracked'], series: samples.summary(),
  };
}
