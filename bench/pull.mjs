// Pulls: everything, a little of much, nothing. And what tracking costs a writer.
import {Contender} from './contenders.mjs';
import {create, progress, quick, rotated, Samples, seconds, settle} from './driver.mjs';
import {xLabel} from './report.mjs';

const rounds = quick ? 5 : 9;
const request = (cookie) => JSON.stringify({profileID: 'p5e2f1a90', clientGroupID: 'group-pull', cookie, pullVersion: 1, schemaVersion: ''});

// The whole answer is built, but not sent: sending it costs both the same.
const ours = 'replicache.pull($1, $2)';
const byHand = `(SELECT json_build_object('cookie', (SELECT version FROM space WHERE id = ''), 'lastMutationIDChanges',
    (SELECT coalesce(json_object_agg(id, last_mutation_id), '{}') FROM client WHERE client_group_id = 'group-pull' AND version > $1::bigint),
    'patch', (SELECT coalesce(json_agg(json_build_object('op', 'put', 'key', 'message/' || id, 'value',
      json_build_object('id', id, 'sender', sender, 'content', content, 'ord', ord))), '[]') FROM message WHERE version > $1::bigint AND NOT deleted)))`;

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
  const all = quick ? 10_000 : 100_000;
  const many = quick ? 100_000 : 1_000_000;
  const samples = new Samples();
  const us = await Contender.get('ours');
  const hand = await Contender.get('plpgsql');

  progress(`pull of ${all} rows`);
  for (const contender of [us, hand]) {
    await contender.settle({empty: true});
    await contender.fill(all, 'p');
    await contender.settle();
  }
  const everything = `everything: ${xLabel(all)} rows`;
  await compare(samples, everything, 1, {
    'ours': () => us.session.run('pullSize', `SELECT octet_length(${ours}::text)`, [request(null), 'ann']),
    'json_agg by hand': () => hand.session.run('handSize', `SELECT octet_length(${byHand}::text)`, [0]),
  });

  progress(`pull of 100 rows out of ${many}`);
  const cookies = new Map();
  for (const contender of [us, hand]) {
    await contender.fill(many - all, 'q');
    const version = contender.ours ? "SELECT version FROM replicache.space WHERE id = ''" : 'SELECT max(version) FROM message';
    cookies.set(contender, Number(await contender.session.sql(version)));
    const set = contender.ours ? '' : `, version = ${cookies.get(contender) + 1}`;
    await contender.settle();
    await contender.session.sql(`UPDATE message SET sender = 'Bob'${set}
      WHERE id IN (SELECT 'q' || lpad((n * ${Math.floor((many - all) / 100)})::text, 9, '0') FROM generate_series(1, 100) n)`);
    await contender.settle();
    const changed = await contender.session.sql(`SELECT count(*) FROM message WHERE version > ${cookies.get(contender)}`);
    if (Number(changed) !== 100) throw new Error(`${contender.name}: ${changed} rows changed instead of 100`);
  }
  const pull = (cookie) => us.session.run('pull', `SELECT ${ours}`, [cookie, 'ann']);
  const some = `100 rows of ${xLabel(many)}`;
  const since = request(cookies.get(us));
  const [[answer]] = await pull(since);
  if (JSON.parse(answer).patch.length !== 100) throw new Error('the pull does not have 100 rows');
  await compare(samples, some, 200, {
    'ours': () => pull(since),
    'json_agg by hand': () => hand.session.run('hand', `SELECT ${byHand}`, [cookies.get(hand)]),
    'bare SELECT': () => hand.session.run('bare', 'SELECT id, sender, content, ord FROM message WHERE version > $1', [cookies.get(hand)]),
  });

  progress('pull of nothing');
  const now = request(JSON.parse(answer).cookie);
  await compare(samples, 'nothing changed', 1000, {
    'ours': () => pull(now),
    'bare SELECT': () => hand.session.run('version', "SELECT version FROM space WHERE id = ''", []),
  });
  for (const contender of [us, hand]) await contender.settle({empty: true});
  return {
    name: 'pull', title: 'Pull', unit: 'ms', better: 'lower', x: 'what is pulled', chart: 'bars', logY: true,
    order: ['ours', 'json_agg by hand', 'bare SELECT'], series: samples.summary(),
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
