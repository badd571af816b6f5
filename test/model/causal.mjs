// What a client may rely on, as Jepsen's test of PowerSync asks, and how it is checked after each pull of concurrent.mjs:
//
//   read your writes      what a client knows to be processed is in each later pull of its group, its number and its effects
//   monotonic reads       no list of a viewer gets shorter or changes its past; no lastMutationID and no cookie goes back
//   monotonic writes      who sees a mutation of a client sees those before it, and in each list in the client's order
//   writes follow reads   who sees a write sees what its writer had seen: a client in its view, a direct writer by SELECT
//   atomic visibility     of a mutation, and of a transaction, a pull has all or nothing
//   convergence           after each pull, not only in the end, a view is what is committed: nothing is missed
//
// and that nothing is applied twice, that what was rejected leaves nothing, and that data and lastMutationIDs agree.
import {isDeepStrictEqual} from 'node:util';

/** Keys of rows to which writes append numbers. */
export const lists = ['card/1', 'card/2', 'card/3', 'card/4'];

export class Violation extends Error {}
export function must(property, truth, detail) {
  if (!truth) throw new Violation(`${property}: ${JSON.stringify(detail)}`);
}

const numbersIn = row => (row ? row.title.split(',').map(Number) : []);
export const seenIn = view => [...new Set(lists.flatMap(key => numbersIn(view[key])))];

export function check({tags, together, clients, forgotten}, viewer, {rows, done}, {view, ids, order}) {
  const seen = new Set(seenIn(view));
  const own = Object.values(clients).filter(({group}) => group === viewer.group);
  const has = tag => tags.get(tag).fails || seen.has(tag);
  if (viewer.space === 'A') {
    for (const key of lists) {
      const list = numbersIn(view[key]);
      must('nothing is applied twice', new Set(list).size === list.length, {key, list});
      for (const tag of list) must('what is rejected leaves nothing', !tags.get(tag).fails, {key, tag});

      const former = numbersIn(viewer.view[key]);
      must('monotonic reads', former.every((tag, i) => list[i] === tag), {key, former, list});

      for (const id of [...Object.keys(clients), ...Object.keys(forgotten)]) {
        const numbers = list.map(tag => tags.get(tag)).filter(({client}) => client === id).map(({id}) => id);
        must('monotonic writes, in a list', numbers.every((number, i) => i === 0 || numbers[i - 1] < number), {key, client: id, numbers});
      }
    }
    for (const tag of seen) {
      const {keys, client, id, seen: causes} = tags.get(tag);
      must('atomic visibility of a write', keys.every(key => numbersIn(view[key]).includes(tag)), {tag, keys, view});
      must('writes follow reads', causes.every(has), {tag, causes});
      for (const [other, before] of tags) if (client && before.client === client && before.id < id) must('monotonic writes', has(other), {tag, other});
    }
    for (const transaction of together) must('atomic visibility of a transaction', transaction.every(has) || !transaction.some(tag => seen.has(tag)), {transaction});

    for (const {id} of own) {
      must('monotonic reads of lastMutationIDs', (ids[id] ?? 0) >= (viewer.ids[id] ?? 0), {id, former: viewer.ids, ids});
      must('read your writes', (ids[id] ?? 0) >= (done[id] ?? 0), {id, done, ids});
    }
    for (const [tag, {client, id, fails}] of tags) {
      if (fails || !own.some(each => each.id === client)) continue;
      must('read your writes, in the lists', id > (done[client] ?? 0) || seen.has(tag), {tag, client, id});
      must('data and lastMutationIDs agree', seen.has(tag) === id <= (ids[client] ?? 0), {tag, client, id, ids});
    }
  }
  must('monotonic cookies', order >= viewer.order, {former: viewer.order, order});
  must('convergence: nothing is missed', isDeepStrictEqual({...view}, {...rows}), {view, rows});
}
