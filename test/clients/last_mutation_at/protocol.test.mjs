// The protocol, answer by answer.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {newUser, useBackend} from './harness.mjs';

const backend = useBackend();

const note = (title, more) => ({type: 'CREATE', resource: 'NOTE', data: {title, ...more}});
const change = (resourceId, data) => ({type: 'UPDATE', resource: 'NOTE', resourceId, data});
const remove = resourceId => ({type: 'DELETE', resource: 'NOTE', resourceId});
const session = (type, chapter, verse, data) => ({type, resource: 'READING_SESSION', data: {chapter, verse, ...data}});

class User {
  send = backend.send(newUser());
  head = -1;

  async pull(since, query) {
    const {status, mutationAt, body} = await this.send('GET', {mutationsSince: since, ...query});
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(mutationAt, body.data.lastMutationAt);
    assert.deepEqual(Object.keys(body), ['success', 'data']);
    return body.data;
  }

  /** The answer's mutations of a push that succeeds. */
  async push(...mutations) {
    const {status, mutationAt, body} = await this.send('POST', {lastMutationAt: this.head}, {mutations});
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(mutationAt, body.data.lastMutationAt);
    assert.ok(mutationAt >= this.head + mutations.length);
    this.head = mutationAt;
    return body.data.mutations;
  }

  async refuse(expected, mutations, lastMutationAt = this.head) {
    const before = await this.pull(-1);
    const {status, body} = await this.send('POST', {lastMutationAt}, {mutations});
    assert.deepEqual({status, ...body.error}, expected);
    assert.deepEqual(Object.keys(body), ['success', 'error']);
    assert.deepEqual(await this.pull(-1), before);  // not even the head
  }

  invalid = (message, ...mutations) => this.refuse({status: 422, code: 'ValidationError', message}, mutations);
}

const scenario = (title, run, options) => test(title, {timeout: 30_000, ...options}, () => run(new User()));
const outOfSync = {status: 409, code: 'OutOfSyncError', message: 'Invalid lastMutationAt, please re-sync your data and try again.'};
const told = mutations => mutations.map(({type, resourceId, data}) => [type, resourceId, data.title ?? data.seconds]);

scenario('without history', async user => {
  assert.deepEqual(await user.pull(-1), {lastMutationAt: -1, mutations: [], page: 1, limit: 100, total: 0, hasMore: false});
  assert.deepEqual(await user.pull(-1, {metadataOnly: true}), {lastMutationAt: -1});
  await user.refuse({...outOfSync, message: 'First sync detected. Please use lastMutationAt=-1 for initial sync.'}, [note('a')], 5);
});

scenario('a push answers in order, with what the server assigned', async user => {
  const before = Date.now();
  const made = await user.push(note('a', {body: 'text', ref: 'r'}), session('CREATE', 1, 2), note('b'));
  assert.deepEqual(made.map(({type, resource}) => [type, resource]), [['CREATE', 'NOTE'], ['CREATE', 'READING_SESSION'], ['CREATE', 'NOTE']]);
  assert.deepEqual(made[0].data, {ref: 'r', title: 'a', body: 'text'});
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(made[0]))), ['resource', 'resourceId', 'type', 'data', 'timestamp']);
  assert.ok(made[0].resourceId && made[2].resourceId && made[0].resourceId !== made[2].resourceId);
  assert.equal(made[1].resourceId, undefined);
  const stamps = made.map(({timestamp}) => timestamp);
  assert.deepEqual(stamps, [...new Set(stamps)].sort((a, b) => a - b));
  assert.ok(stamps[0] >= before - 60_000 && stamps[0] <= Date.now() + 60_000);
  assert.equal(user.head, stamps[2]);

  const changed = await user.push(change(made[0].resourceId, {title: 'c'}), remove(made[2].resourceId), session('UPDATE', 1, 2, {seconds: 9}));
  assert.deepEqual(changed.map(({type, resourceId}) => [type, resourceId]),
    [['UPDATE', made[0].resourceId], ['DELETE', made[2].resourceId], ['UPDATE', undefined]]);
  assert.deepEqual(told((await user.pull(stamps[2])).mutations), [['UPDATE', made[0].resourceId, 'c'], ['DELETE', made[2].resourceId, undefined], ['UPDATE', undefined, 9]]);
  assert.deepEqual(await user.push(), []);
});

scenario('type is relative to mutationsSince', async user => {
  const start = user.head;
  const [{resourceId: a}] = await user.push(note('a'));
  const [{resourceId: b}] = await user.push(note('b'));
  const middle = user.head;
  await user.push(change(a, {title: 'a2'}));
  const [{resourceId: c}] = await user.push(note('c'));
  await user.push(change(c, {title: 'c2'}), remove(b));
  assert.deepEqual(told((await user.pull(start)).mutations), [['CREATE', a, 'a2'], ['CREATE', c, 'c2']]);
  assert.deepEqual(told((await user.pull(middle)).mutations), [['UPDATE', a, 'a2'], ['CREATE', c, 'c2'], ['DELETE', b, undefined]]);
  assert.deepEqual((await user.pull(user.head)).mutations, []);
  const {mutations: [, {timestamp}]} = await user.pull(middle);
  assert.deepEqual(told((await user.pull(timestamp)).mutations), [['DELETE', b, undefined]]);  // exclusive
});

scenario('created and deleted since: not mentioned', async user => {
  await user.push(note('a'));
  const middle = user.head;
  const [{resourceId}] = await user.push(note('b'));
  await user.push(remove(resourceId));
  assert.equal((await user.pull(middle)).total, 0);
  assert.equal((await user.pull(middle)).lastMutationAt, user.head);
});

scenario('a composite key: data identifies the row, also of a DELETE; a key comes back', async user => {
  await user.push(session('CREATE', 1, 2, {seconds: 5}));
  const first = user.head;
  await user.push(session('DELETE', 1, 2));
  const deleted = user.head;
  const {mutations: [gone]} = await user.pull(first);
  assert.deepEqual([gone.type, gone.resourceId, gone.data], ['DELETE', undefined, {chapter: 1, verse: 2}]);
  await user.push(session('CREATE', 1, 2, {seconds: 6}));
  assert.deepEqual(told((await user.pull(deleted)).mutations), [['CREATE', undefined, 6]]);
  assert.deepEqual((await user.pull(first)).mutations.map(({data}) => data), [{chapter: 1, verse: 2, seconds: 6}]);
  await user.push(session('DELETE', 1, 2));
  assert.equal((await user.pull(first)).mutations[0]?.type, 'DELETE');  // who saw the first one must hear of it
  assert.equal((await user.pull(-1)).total, 0);
  await user.invalid('Invalid resourceId at mutation[0]', session('UPDATE', 1, 2, {seconds: 1}));
});

scenario('head: a push that is based on another is refused, and so is one of the other device', async user => {
  const [{resourceId}] = await user.push(note('a'));
  await user.refuse(outOfSync, [note('b')], -1);
  await user.refuse(outOfSync, [note('b')], user.head - 1);
  await user.refuse(outOfSync, [note('b')], user.head + 1);
  await user.push(remove(resourceId));
  await user.refuse(outOfSync, [change(resourceId, {title: 'late'})], user.head - 1);  // not 422: pull first
});

scenario('two devices at once: one is accepted', async user => {
  await user.push(note('a'));
  for (let i = 0; i < 20; i++) {
    const answers = await Promise.all(['b', 'c', 'd'].map(title => user.send('POST', {lastMutationAt: user.head}, {mutations: [note(title)]})));
    assert.deepEqual(answers.map(({status}) => status).sort(), [200, 409, 409]);
    user.head = answers.find(({status}) => status === 200).mutationAt;
  }
  assert.equal((await user.pull(-1)).total, 21);
});

scenario('what is not valid', async user => {
  const [{resourceId}] = await user.push(note('a'));
  const cases = [
    ['Missing resource at mutation[0]', {}],
    ['Invalid resource: "x" at mutation[0]', {resource: 'x'}],
    ['Missing mutation type at mutation[0]', {resource: 'NOTE'}],
    ['Invalid mutation type: "x" at mutation[0]', {resource: 'NOTE', type: 'x'}],
    ['Missing resourceId at mutation[0]', {resource: 'NOTE', type: 'UPDATE', data: {}}],
    ['Missing resourceId at mutation[0]', {resource: 'NOTE', type: 'DELETE'}],
    ['Invalid resourceId at mutation[0]', {resource: 'NOTE', type: 'DELETE', resourceId: 'unknown'}],
    ['Missing data at mutation[0]', {resource: 'NOTE', type: 'CREATE'}],
    ['Missing data at mutation[0]', {resource: 'NOTE', type: 'UPDATE', resourceId}],
    ['Missing data at mutation[0]', {resource: 'READING_SESSION', type: 'DELETE'}],
  ];
  for (const [message, mutation] of cases) {
    await user.invalid(message, mutation);
    await user.invalid(message.replace('[0]', '[2]'), note('b'), change(resourceId, {title: 'b'}), mutation);  // all or nothing
  }
  await user.invalid('Invalid resourceId at mutation[1]', remove(resourceId), change(resourceId, {title: 'b'}));
  await user.invalid('Mutations must not exceed 100', ...Array(101).fill(note('b')));
  for (const mutations of [{}, null, 'x', undefined])
    await user.refuse({status: 422, code: 'ValidationError', message: 'Invalid mutations'}, mutations);
  await user.push(...Array(100).fill(note('b')));
});

scenario('the rows of others are not there', async user => {
  const [{resourceId}] = await user.push(note('a'));
  await user.push(session('CREATE', 1, 1));
  const other = new User();
  assert.equal((await other.pull(-1)).lastMutationAt, -1);
  await other.push(note('mine'), session('CREATE', 1, 1));
  await other.invalid('Invalid resourceId at mutation[0]', change(resourceId, {title: 'stolen'}));
  await other.invalid('Invalid resourceId at mutation[0]', remove(resourceId));
  await other.push(session('DELETE', 1, 1));
  assert.equal((await user.pull(-1)).total, 2);
});

scenario('resources, pages, limits', async user => {
  const made = await user.push(...['a', 'b', 'c', 'd', 'e'].map(title => note(title)), session('CREATE', 1, 1));
  await user.push(change(made[0].resourceId, {title: 'z'}));
  const all = await user.pull(-1);
  assert.equal(all.mutations.map(({data}) => data.title ?? '').join(), 'b,c,d,e,,z');
  for (const limit of [1, 2, 3, 5, 6, 7, 1000]) {
    const pages = [];
    for (let page = 1, more = true; more; page++) {
      const {hasMore, mutations, ...rest} = await user.pull(-1, {limit, page});
      assert.deepEqual(rest, {lastMutationAt: user.head, page, limit, total: 6});
      assert.equal(mutations.length, Math.min(limit, 6 - (page - 1) * limit));
      pages.push(...mutations);
      more = hasMore;
    }
    assert.deepEqual(pages, all.mutations);
  }
  const {mutations, ...beyond} = await user.pull(-1, {limit: 3, page: 3});
  assert.deepEqual([mutations, beyond.total, beyond.hasMore], [[], 6, false]);
  assert.equal((await user.pull(-1, {resources: 'NOTE'})).total, 5);
  assert.equal((await user.pull(-1, {resources: 'READING_SESSION,NOTE'})).total, 6);
  const {total, lastMutationAt} = await user.pull(-1, {resources: 'READING_SESSION'});
  assert.deepEqual([total, lastMutationAt], [1, user.head]);
  assert.deepEqual(await user.pull(3, {metadataOnly: true}), {lastMutationAt: user.head});
});

scenario('parameters that are missing or out of bounds', async user => {
  const wrong = [{}, {metadataOnly: true}, {mutationsSince: 'x'}, {mutationsSince: -2}, {mutationsSince: 1.5}, {mutationsSince: -1, limit: 0},
    {mutationsSince: -1, limit: 1001}, {mutationsSince: -1, limit: 'x'}, {mutationsSince: -1, page: 0}, {mutationsSince: -1, page: -1}];
  for (const query of wrong) {
    const {status, body} = await user.send('GET', query);
    assert.deepEqual([status, body.success, body.error.code], [422, false, 'ValidationError'], JSON.stringify(query));
  }
  for (const query of [{}, {lastMutationAt: 'x'}]) {
    const {status, body} = await user.send('POST', query, {mutations: []});
    assert.deepEqual([status, body.error.code], [422, 'ValidationError']);
  }
});

const onServer = {skip: process.env.SYNC_BACKEND !== 'server'};

scenario('any writer moves the head', async user => {
  const name = newUser();
  user.send = backend.send(name);
  await user.push(note('a'));
  const since = user.head;
  await backend.rows(`UPDATE note SET title = 'by hand' WHERE user_id = $1`, name);
  await user.refuse(outOfSync, [note('b')]);
  const {mutations, lastMutationAt} = await user.pull(since);
  assert.deepEqual(mutations.map(({type, data, timestamp}) => [type, data.title, timestamp]), [['UPDATE', 'by hand', lastMutationAt]]);
}, onServer);

scenario('HTTP: no token, no JSON, values that no column takes', async user => {
  assert.equal((await backend.send()('GET', {mutationsSince: -1})).status, 401);
  await user.push(note('a'));
  for (const [status, body] of [[422, '{"mutations":['], [422, '[]'], [422, 'null'], [422, {mutations: [note('x'.repeat(201))]}],
    [422, {mutations: [session('CREATE', 'x', 1)]}], [422, {mutations: [session('CREATE', 115, 1)]}]]) {
    const answer = await user.send('POST', {lastMutationAt: user.head}, body);
    assert.equal(answer.status, status, answer.text);
    assert.deepEqual([answer.body.success, answer.body.error.code], [false, 'ValidationError']);
  }
  const {text} = await user.send('GET', {mutationsSince: -1, metadataOnly: true});
  assert.equal(text, `{"success":true,"data":{"lastMutationAt":${user.head}}}`);
}, onServer);
