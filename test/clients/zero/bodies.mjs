// Bodies of pushes and of query requests that break every rule of their form, one rule at a time and two at once.

/** What stands where something else belongs. */
const wrong = [null, true, false, 0, 1, -1.5, 1e21, 5e-7, '', 'x', '1', 'é"\\\n\u0001', [], {}, [null], ['a'], [[]], {a: 1}, [{}], {ops: []}];
const missing = Symbol('missing');

/** A copy of `value` in which what stands at `path` is something else. */
function put(value, path, other) {
  const copy = structuredClone(value);
  if (path.length === 0) return other;
  const parent = path.slice(0, -1).reduce((part, name) => part?.[name], copy);
  if (typeof parent !== 'object' || parent === null) return undefined;  // an earlier change has taken it away
  if (other !== missing) parent[path.at(-1)] = other;
  else if (Array.isArray(parent)) parent.splice(path.at(-1), 1);
  else delete parent[path.at(-1)];
  return copy;
}

const custom = (id, args = {id: `a${id}`, title: 't'}) => ({type: 'custom', id, clientID: 'k1', name: 'item.put', args: [args], timestamp: 100 + id});
const crud = (id, ...ops) => ({
  type: 'crud', id, clientID: 'k1', name: '_zero_crud', timestamp: 100 + id,
  args: [{ops: ops.length ? ops : [{op: 'insert', tableName: 'item', primaryKey: ['id'], value: {id: 'a', n: 1}}]}],
});
const push = (...mutations) => ({clientGroupID: 'g1', mutations, pushVersion: 1, schemaVersion: 1, timestamp: 118, requestID: 'r1', auth: 'a', traceparent: 't'});

const bodyMembers = ['clientGroupID', 'mutations', 'pushVersion', 'schemaVersion', 'timestamp', 'requestID', 'auth', 'traceparent', 'extra'];
const mutationMembers = ['type', 'id', 'clientID', 'name', 'args', 'timestamp', 'extra'];
const opMembers = ['op', 'tableName', 'primaryKey', 'value', 'extra'];

function* pairs(list) {
  for (const [i, first] of list.entries()) for (const second of list.slice(i + 1)) yield [first, second];
}

/** Pushes, as values; some of them are well formed, the others have one fault. */
export function* pushBodies() {
  const two = push(custom(1), custom(2));
  yield two;
  yield push();
  yield push(crud(1));
  yield push(custom(1), crud(2));
  yield push(crud(1), custom(2));
  const {schemaVersion, auth, traceparent, ...least} = two;
  yield least;
  for (const value of [missing, ...wrong].slice(1)) yield value;

  // One fault.
  const each = function* (body, path) {
    for (const value of [missing, ...wrong]) yield put(body, path, value);
  };
  for (const name of bodyMembers) yield* each(two, [name]);
  for (const body of [two, push(custom(1), crud(2)), push(crud(1), custom(2))])
    for (const index of [0, 1]) {
      yield* each(body, ['mutations', index]);
      for (const name of mutationMembers) yield* each(body, ['mutations', index, name]);
      for (const type of ['crud', 'custom', 'Custom', 'crud ', 'delete']) yield put(body, ['mutations', index, 'type'], type);
      for (const name of ['_zero_crud', '_zero_cleanupResults', 'item.put', 'item|put']) yield put(body, ['mutations', index, 'name'], name);
    }
  for (const args of [[], [1, 2], [{}, {}], [null], [undefined], ['x'], [[1]]]) {
    yield push({...custom(1), args});
    yield push({...crud(1), args});
  }
  for (const op of ['insert', 'upsert', 'update', 'delete']) {
    const body = push(crud(1, {op, tableName: 'item', primaryKey: ['id'], value: {id: 'a'}}));
    yield body;
    yield* each(body, ['mutations', 0, 'args', 0]);
    yield* each(body, ['mutations', 0, 'args', 0, 'ops']);
    yield* each(body, ['mutations', 0, 'args', 0, 'ops', 0]);
    yield put(body, ['mutations', 0, 'args', 1], {});
    for (const name of opMembers) yield* each(body, ['mutations', 0, 'args', 0, 'ops', 0, name]);
    yield* each(body, ['mutations', 0, 'args', 0, 'ops', 0, 'primaryKey', 0]);
    yield* each(body, ['mutations', 0, 'args', 0, 'ops', 0, 'primaryKey', 1]);
    yield* each(body, ['mutations', 0, 'args', 0, 'ops', 0, 'value', 'id']);
    for (const [first, second] of pairs(opMembers))
      for (const [a, b] of [[missing, missing], [missing, 1], [1, missing], [1, 1]])
        yield put(put(body, ['mutations', 0, 'args', 0, 'ops', 0, first], a), ['mutations', 0, 'args', 0, 'ops', 0, second], b);
  }

  // Numbers, and versions.
  for (const number of [2, 0, -1, 1.0, 1.5, 1e21, 1e-7, 123456789012, 9007199254740993]) {
    yield {...two, pushVersion: number};
    yield put({...two, pushVersion: 2}, ['mutations', 0, 'id'], number);
    yield {...two, pushVersion: `${number}`};
  }
}

/** Pushes with two faults at once: which of them is named. */
export function* pushBodiesWithTwo() {
  const two = push(custom(1), custom(2));
  const kinds = [missing, null, true, {}];
  const places = body => [
    ...bodyMembers.map(name => [name]),
    ...body.mutations.flatMap((_, index) => mutationMembers.map(name => ['mutations', index, name])),
  ];
  for (const body of [two, push(custom(1), crud(2)), push(crud(1), custom(2))])
    for (const [first, second] of pairs(places(body)))
      for (const a of kinds) for (const b of kinds) {
        const changed = put(body, second, b);
        yield put(changed, first, a);
      }
  // Three mutations with faults of different depth, and a whole mutation that is none.
  for (const [a, b] of [[0, 1], [1, 0], [0, 2], [2, 1]])
    for (const value of wrong) for (const name of mutationMembers)
      yield put(put(push(custom(1), crud(2), custom(3)), ['mutations', a], value), ['mutations', b, name], missing);
}

const request = (...queries) => ['transform', queries];
const query = (id, args = []) => ({id, name: 'item.all', args});

/** Bodies of the query endpoint, as values. */
export function* queryBodies() {
  yield request();
  for (const value of wrong) yield value;
  for (const value of wrong) yield [value, []];
  for (const value of wrong) yield ['transform', value];
  for (const type of ['Transform', 'transformed', 'transform ']) yield [type, []];
  yield [];
  yield ['transform'];
  yield ['transform', [], []];
  yield [[], 'transform'];
  const two = request(query('q1'), query('q2', [{a: 1}]));
  yield two;
  for (const index of [0, 1]) {
    for (const value of [missing, ...wrong]) yield put(two, [1, index], value);
    for (const name of ['id', 'name', 'args', 'extra'])
      for (const value of [missing, ...wrong]) yield put(two, [1, index, name], value);
    for (const [first, second] of pairs(['id', 'name', 'args', 'extra']))
      for (const a of [missing, null, 1]) for (const b of [missing, null, 1]) yield put(put(two, [1, index, first], a), [1, index, second], b);
  }
  for (const [first, second] of pairs([[1, 0, 'id'], [1, 0, 'args'], [1, 1, 'id'], [1, 1, 'args'], [0]]))
    for (const a of [missing, null, 1]) for (const b of [missing, null, 1]) {
      const changed = put(two, second, b);
      if (changed !== undefined) yield put(changed, first, a);
    }
  yield put(put(two, [1, 0, 'extra'], 1), [1, 0, 'other'], 2);
}

/** The texts of them, each once. */
export function texts(bodies) {
  return [...new Set([...bodies].filter(body => body !== undefined).map(body => JSON.stringify(body)))];
}
