// Zero's mutate endpoint: zero_push, and the PushProcessor of @rocicorp/zero.
import {isDeepStrictEqual} from 'node:util';
import {fast, slow, toOneSpace, withSlowCommits} from './connections.mjs';
import {Contender} from './contenders.mjs';
import {bodies, newClient, progress, quick, rotated, Samples} from './driver.mjs';
import {sample} from './push.mjs';

const OURS = 'zero_push';
const UNTRACKED = 'zero_push, not tracked';
const APPLY_PUSH = 'ours';
const THEIRS = 'zero';
const titles = {[OURS]: 'zero_push', [UNTRACKED]: 'zero_push, not tracked', [APPLY_PUSH]: 'apply_push', [THEIRS]: 'PushProcessor'};
const ratios = [[OURS, THEIRS], [UNTRACKED, THEIRS], [OURS, APPLY_PUSH]];
// few: the pushes of the PushProcessor, for the bench to end.
const columns = [
  {x: 1, batch: 1, many: {warmUp: 30, pushes: 500}, few: {warmUp: 10, pushes: 150}},
  {x: 10, batch: 10, many: {warmUp: 20, pushes: 200}, few: {warmUp: 2, pushes: 15}},
  {x: 100, batch: 100, many: {warmUp: 5, pushes: 50}, few: {warmUp: 1, pushes: 3}},
  {x: 1000, batch: 1000, many: {warmUp: 1, pushes: 6}, few: {warmUp: 0, pushes: 1}},
  {x: '100, 10 % fail', batch: 100, failing: 10, many: {warmUp: 5, pushes: 50}, few: {warmUp: 1, pushes: 3}},
];
const rounds = quick ? 3 : 15;

/** These contenders get the same pushes, right and wrong ones. They must give the same results, and leave the same rows. */
async function agree(contenders) {
  const client = newClient();
  const [first, second] = bodies({...client, batch: 10, pushes: 2, failing: 20});
  const [unknown] = bodies({...client, batch: 2, pushes: 1, first: 21, name: 'nosuch'});
  const found = [];
  for (const {session, push, prepare} of contenders) {
    const results = async (body) => JSON.parse(await push(session, prepare(body))).mutations;
    found.push([
      await results(first),
      await results(second),
      await results(second), // already processed
      (await results(unknown)).map(({id, result: {error}}) => ({id, error})), // the messages differ
      JSON.parse(await session.sql(`SELECT json_build_array(
        (SELECT json_agg(c) FROM zero_0.clients AS c),
        (SELECT json_agg(CASE WHEN m."mutationID" > 20 THEN m.result -> 'error' ELSE to_json(m) END ORDER BY m."mutationID") FROM zero_0.mutations AS m),
        (SELECT json_agg(json_build_array(id, sender, content, ord) ORDER BY id) FROM message))`)),
    ]);
  }
  for (const each of found) {
    if (!isDeepStrictEqual(each, found[0])) throw new Error(`the results differ:\n${JSON.stringify(each)}\n${JSON.stringify(found[0])}`);
  }
}

const ratio = (a, b) => `${titles[a]} ÷ ${titles[b]}`;

async function pushes(contenders) {
  const [rates, costs] = [new Samples(), new Samples()];
  for (let round = 0; round < rounds; round++) {
    for (const {x, batch, failing, many, few} of columns) {
      const now = {};
      for (const contender of rotated(contenders, round)) {
        progress(`zero, round ${round + 1} of ${rounds}: ${contender.name}, ${x}`);
        now[contender.name] = await sample(contender, {batch, failing, ...(contender.slow ? few : many)});
      }
      for (const {name} of contenders) {
        rates.add(titles[name], x, now[name].rate);
        costs.add(titles[name], x, now[name].cpu);
      }
      for (const [a, b] of ratios) {
        rates.add(ratio(a, b), x, now[a].rate / now[b].rate);
        costs.add(ratio(a, b), x, now[a].cpu / now[b].cpu);
      }
    }
  }
  const common = {x: 'mutations per push', plain: true, spread: true, order: [...rates.series.keys()]};
  return [
    {title: 'Pushes over one connection', unit: 'mutations/s, median and quartiles; higher is better', ...common, series: rates.summary(0.25)},
    {title: 'The same, CPU time of the server', unit: 'µs per mutation, median and quartiles; lower is better', ...common, series: costs.summary(0.25)},
  ];
}

export async function zero() {
  const contenders = [];
  for (const name of Object.keys(titles)) contenders.push(await Contender.get(name));
  await agree(contenders.filter(({name}) => name !== APPLY_PUSH));
  const names = [OURS, `${OURS}, clock transaction`, THEIRS];
  const title = 'Pushes of 1, each connection for a client group of its own';
  return [
    ...await pushes(contenders),
    await toOneSpace(names, {name: 'zero-connections', title, batch: 1, ...fast, pushes: fast.pushes / 4}),
    await withSlowCommits(() => toOneSpace(names, {name: 'zero-slow-commit', title: `${title}, commit 2 ms slow`, batch: 1, ...slow})),
  ].map((group) => ({
    ...group, file: 'zero', order: group.order.map((name) => titles[name] ?? name),
    series: group.series.map(({contender, points}) => ({contender: titles[contender] ?? contender, points})),
  }));
}
