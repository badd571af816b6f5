// Pages while others write. The reader here is a plain one: it applies whatever a page says, follows the pages to the end,
// and pulls again from the head that the first page named. Then it must have what the server has.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {newUser, randomOf, useBackend} from './harness.mjs';

const backend = useBackend();

class Writer {
  ids = [];

  constructor(user) {
    this.send = backend.send(user);
  }

  /** As any other device would: from the newest head. */
  async push(...mutations) {
    const {body: {data}} = await this.send('GET', {mutationsSince: -1, metadataOnly: true});
    const {status, body} = await this.send('POST', {lastMutationAt: data.lastMutationAt}, {mutations});
    assert.equal(status, 200, JSON.stringify(body));
    return body.data.mutations.map(({resourceId}) => resourceId);
  }

  async create(n) {
    const ids = await this.push(...Array.from({length: n}, (_, i) => ({type: 'CREATE', resource: 'NOTE', data: {title: `${i}`}})));
    this.ids.push(...ids);
    return ids;
  }

  update = resourceId => this.push({type: 'UPDATE', resource: 'NOTE', resourceId, data: {title: `changed ${Math.random()}`}});

  async remove(resourceId) {
    this.ids.splice(this.ids.indexOf(resourceId), 1);
    await this.push({type: 'DELETE', resource: 'NOTE', resourceId});
  }

  async write(random) {
    const dice = random.below(10);
    if (dice < 3 || !this.ids.length) return this.create(1 + random.below(3));
    return dice < 7 ? this.update(random.pick(this.ids)) : this.remove(random.pick(this.ids));
  }
}

class Reader {
  rows = new Map();
  head = -1;
  page = 0;  // the one we have had

  constructor(user, limit) {
    Object.assign(this, {user, limit, send: backend.send(user)});
  }

  /** Take the next page; true: it was the last one. */
  async next() {
    const {status, body: {data}} = await this.send('GET', {mutationsSince: this.head, limit: this.limit, page: ++this.page});
    assert.equal(status, 200);
    assert.ok(data.mutations.filter(({type}) => type !== 'DELETE').length <= this.limit);
    assert.ok(this.shared || data.mutations.length <= this.limit);
    const stamps = data.mutations.map(({timestamp}) => timestamp);
    assert.deepEqual(stamps, [...new Set(stamps)].sort((a, b) => a - b));
    if (this.page === 1) this.first = data.lastMutationAt;
    for (const {resourceId, type, data: row} of data.mutations)
      if (type === 'DELETE') this.rows.delete(resourceId);
      else this.rows.set(resourceId, row);
    if (data.hasMore) return false;
    [this.head, this.page] = [this.first, 0];
    return true;
  }

  async follow(between = () => {}) {
    while (!await this.next()) await between();
  }

  async same() {
    await this.follow();
    await this.follow();
    const has = [...this.rows].map(([id, data]) => ({identity: `NOTE ${id}`, data})).sort((a, b) => (a.identity < b.identity ? -1 : 1));
    assert.deepEqual(has, await backend.state(this.user));
  }
}

function scenario(title, run) {
  test(title, {timeout: 120_000}, async () => {
    const user = newUser();
    await run(new Writer(user), limit => new Reader(user, limit));
  });
}

scenario('a row of the first page that is updated takes no row of the second along', async (writer, reader) => {
  await writer.create(6);
  const one = reader(2);
  await one.next();
  await writer.update(writer.ids[0]);
  await one.next();
  assert.deepEqual([...one.rows.keys()], writer.ids.slice(0, 4));
  await one.follow();
  await one.same();
});

scenario('nor does one that is deleted', async (writer, reader) => {
  await writer.create(6);
  const one = reader(2);
  await one.next();
  await writer.remove(writer.ids[0]);
  await writer.remove(writer.ids[0]);
  await one.follow();
  await one.same();
  assert.equal(one.rows.size, 4);
});

scenario('what is written after the first page comes with the next pull', async (writer, reader) => {
  await writer.create(4);
  const one = reader(2);
  await one.next();
  const [created] = await writer.create(1);
  const [again] = writer.ids;
  await writer.update(again);
  await one.follow();
  assert.equal(one.rows.has(created), false);
  await writer.remove(created);
  await one.same();
});

scenario('pages end, however fast others write', async (writer, reader) => {
  await writer.create(10);
  const one = reader(2);
  let pages = 0;
  await one.follow(async () => {
    assert.ok(++pages < 10);
    for (const id of writer.ids.slice(0, 3)) await writer.update(id);
    await writer.create(3);
  });
  await one.same();
});

scenario('a second device that follows the same pages', async (writer, reader) => {
  await writer.create(5);
  const [one, two] = [reader(2), reader(2)];
  await one.next();
  await writer.update(writer.ids[0]);
  await writer.update(writer.ids[1]);
  const [phantom] = await writer.create(1);
  await two.next();
  await one.next();
  await writer.update(writer.ids[4]);
  await two.next();
  await one.follow();
  await two.follow();
  await writer.remove(phantom);  // the first one may have seen it, after its head
  await one.same();
  await two.same();
});

scenario('a page is the same when it is asked for again', async (writer, reader) => {
  await writer.create(6);
  const one = reader(2);
  await one.next();
  await one.next();
  one.page = 1;  // the answer was lost
  const before = [...one.rows.keys()];
  await writer.update(writer.ids[0]);
  await one.next();
  assert.deepEqual([...one.rows.keys()], before);
  await one.follow();
  await one.same();
});

test('random writers, and readers who come and go', {timeout: 600_000}, async () => {
  const programs = Number(process.env.PROGRAMS ?? (process.env.SYNC_BACKEND === 'server' ? 20 : 2000));
  for (let seed = 1; seed <= programs; seed++) {
    const random = randomOf(seed);
    const user = newUser();
    const writer = new Writer(user);
    await writer.create(1 + random.below(12));
    const limits = [1 + random.below(3), 1 + random.below(3)];
    const readers = Array.from({length: 1 + random.below(5)}, () => new Reader(user, random.pick(limits)));
    if (readers.length > 1) for (const reader of readers) reader.shared = true;
    try {
      for (let step = 0; step < 80; step++)
        if (random.chance(50)) await writer.write(random);
        else await random.pick(readers).next();
      for (const reader of readers) {
        if (reader.page) await reader.follow(() => random.chance(50) && writer.write(random));
        await reader.same();
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${error.message}`, {cause: error});
    }
  }
});
