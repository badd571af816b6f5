// Random programs. A step says what it is about in words that hold wherever it stands (ids of mutations relative to what the
// client has sent, for example), so that a failing program can lose steps and still mean something.

import {randomOf} from '../random.mjs';

export const spaces = ['', 'A', 'B'];
const clocks = ['counter', 'time', 'transaction'];

/** Who pushes: client groups with their clients; a client of version 0 is its own group. */
export const groups = [
  {group: 'g1', clients: ['c1', 'c2'], user: 'ann', space: ''},
  {group: 'g2', clients: ['c3', 'c4'], user: 'bob', space: 'A'},
  {group: 'g3', clients: ['c5'], user: null, space: 'B'},
  {group: 'd1', clients: ['d1'], user: 'ann', space: '', legacy: true},
];

/** Who pulls, each with a view of its own. */
export const viewers = [
  ...groups.flatMap(each => [{...each, by: each.legacy ? 'V0' : 'V1'}, {...each, by: each.legacy ? 'V0' : 'V1'}]),
  {group: 'fork', user: 'carl', space: 'A', by: 'V1'},
  ...groups.filter(each => !each.legacy).map(({group, space}) => ({group, space, by: 'pull_since'})),
];

export function programOf(seed, {from = 20, to = 40} = {}) {
  const random = randomOf(seed);
  const {below, pick, weigh, chance} = random;
  const note = () => pick(['a', 'b/c', '50%', 'who', 'pair']);
  const number = () => 1 + below(4);
  const board = () => pick(['A', 'B']);
  const present = Array.from({length: 3}, () => below(viewers.length));  // fewer, so that most pulls are deltas
  const table = () => pick(['note', 'card', 'page']);
  let texts = 0;
  const text = () => pick(['same', `text ${++texts}`]);

  const call = () => weigh([
    [6, () => ({name: 'put_note', args: {id: note(), text: text(), ...(chance(50) && {n: below(12)})}})],
    [4, () => ({name: 'add', args: {id: note(), ...(chance(50) && {by: below(8)})}})],
    [3, () => ({name: 'delete_note', args: {id: note()}})],
    [2, () => ({name: 'copy_note', args: {source: note(), target: note()}})],
    [6, () => ({name: 'put_card', args: {id: number(), board: board(), title: text()}})],
    [2, () => ({name: 'delete_card', args: {id: number()}})],
    [4, () => ({name: 'put_page', args: {id: number(), book: board(), title: text(), ...(chance(50) && {gone: chance(50)})}})],
    [3, () => ({name: 'pair', args: {text: text(), board: board()}})],
    [2, () => ({name: 'who', ...(chance(50) && {args: {}})})],
  ])();
  const mutation = group => ({
    client: pick(group.clients),
    ahead: weigh([[12, 0], [2, -1], [1, -3], [1, 1]]),  // of the next id
    ...weigh([
      [20, call],
      [2, () => ({name: 'raise_after', args: {id: note(), code: 'P0001'}})],
      [2, () => ({name: 'raise_after', args: {id: note(), code: 'RE001'}})],
      [1, () => ({name: 'raise_after', args: {id: note(), code: pick(['40001', '55P03', '23505'])}})],
      [1, () => ({name: 'nonsense', args: {x: [1, null]}})],
      [1, () => ({name: 'delete_note', args: {it: 'a'}})],
    ])(),
  });
  const push = () => {
    const group = pick(groups);
    return {
      do: 'push', group: groups.indexOf(group), mutations: Array.from({length: weigh([[3, 1], [3, 2], [1, 5], [1, 0]])}, () => mutation(group)),
      ...(chance(8) && weigh([
        [1, {malformed: pick(['mutations', 'id', 'fraction', 'name', 'group'])}],
        [1, {version: 7}],
        [1, {user: 'mallory'}],
        [1, {space: pick(spaces)}],
        [1, {stranger: 'c1'}],
      ])),
    };
  };
  const write = () => ({do: 'write', ...weigh([
    [4, () => ({name: 'insertNote', args: {id: note(), text: text()}})],
    [3, () => ({name: 'rekeyNote', args: {id: note(), to: note()}})],
    [1, () => ({name: 'setNotes', args: {text: text()}})],
    [1, () => ({name: 'keepNotes', args: {}})],
    [1, () => ({name: 'deleteNotes', args: {}})],
    [3, () => ({name: 'insertCards', args: {id: number(), text: text()}})],
    [2, () => ({name: 'rekeyCard', args: {id: number(), to: number()}})],
    [2, () => ({name: 'moveCards', args: {board: board()}})],
    [1, () => ({name: 'deleteCards', args: {board: board()}})],
    [2, () => ({name: 'movePage', args: {id: number(), board: board(), text: text()}})],
    [2, () => ({name: 'gonePages', args: {gone: chance(50)}})],
    [1, () => ({name: 'deletePage', args: {id: number()}})],
    [1, () => ({name: pick(['truncate', 'track', 'track', 'untrack', 'resync']), args: {table: table()}})],
  ])()});

  const step = () => weigh([
    [30, push],
    [25, write],
    [42, () => ({do: 'pull', viewer: pick(present), ...(chance(10) && {cookie: pick(['null', 'future'])}), ...(chance(5) && {user: 'mallory'})})],
    [6, () => ({do: 'begin'})],
    [6, () => ({do: 'savepoint'})],
    [3, () => ({do: 'release'})],
    [5, () => ({do: 'rollbackTo'})],
    [2, () => ({do: 'rollback'})],
    [6, () => ({do: 'commit'})],
    [4, () => ({do: 'collectGarbage', idle: weigh([[3, '0'], [1, '1 hour']])})],
    [1, () => ({do: 'addColumn', table: table(), column: `extra_${++texts}`, value: texts})],
  ])();
  return {
    // null: it comes into being on first use, with the clock `counter`
    clocks: Object.fromEntries(spaces.map(space => [space, pick(space ? [...clocks, null] : clocks)])),
    steps: Array.from({length: from + below(to - from + 1)}, step),
  };
}
