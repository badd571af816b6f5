// The reference client: phone and tablet of one user.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {SyncClient, overHttp} from '../../../examples/last_mutation_at/client.mjs';
import {strategies} from '../../../examples/last_mutation_at/strategies.mjs';
import {example} from '../../example.mjs';
import {held, keys, newUser, useBackend} from './harness.mjs';
import {Model} from './model.mjs';

const backend = useBackend();

class Device extends SyncClient {
  lose = {};  // how many of the next requests, or answers, get lost, or requests arrive when deliver() is called
  log = [];   // method and status of every answer
  ahead = 0;  // of its clock, in ms

  constructor(user, options) {
    const send = async (method, query, body) => {
      if (this.lose.requests > 0 && this.lose.requests--) throw new Error('no network');
      const request = () => backend.send(user)(method, query, copy);
      const copy = body && structuredClone(body);
      if (this.lose.late > 0 && this.lose.late--) {
        this.deliver = request;
        throw new Error('no answer yet');
      }
      const answer = await request();
      if (this.lose.answers > 0 && this.lose.answers--) throw new Error('the answer was lost');
      this.log.push(`${method} ${answer.status}`);
      await this.answered?.();
      return answer;
    };
    super({send, keys, now: () => Date.now() + this.ahead, ...options});
  }

  note = title => this.create('NOTE', {title});
  titles = () => this.list('NOTE').map(({data}) => data.title).sort();
  /** Our name for the note with this title. */
  at = title => this.list('NOTE').find(({data}) => data.title === title).ref;

  async fail(why) {
    await assert.rejects(this.sync(), why);
  }

  /** What a sync asks for, and gets. */
  async logged() {
    this.log = [];
    await this.sync();
    return this.log.join(', ');
  }
}

function scenario(title, run, options) {
  test(title, {timeout: 60_000}, async () => {
    const user = newUser();
    const [phone, tablet] = [new Device(user, options), new Device(user, options)];
    await run(phone, tablet, user);
    for (const device of [phone, tablet, phone]) await device.sync();
    for (const device of [phone, tablet]) {
      assert.equal(device.pending, 0);
      assert.deepEqual(held(device), await backend.state(user));
    }
  });
}

scenario('what the phone does arrives on the tablet', async (phone, tablet) => {
  phone.note('milk');
  const bread = phone.note('bread');
  phone.create('READING_SESSION', {chapter: 1, verse: 2, seconds: 3});
  assert.equal(await phone.logged(), 'POST 200, GET 200');
  assert.equal(await tablet.logged(), 'GET 200');
  assert.deepEqual(tablet.titles(), ['bread', 'milk']);
  phone.update(bread, {title: 'rye'});
  phone.remove(phone.at('milk'));
  const [{ref}] = phone.list('READING_SESSION');
  phone.update(ref, {seconds: 4});
  await phone.sync();
  await tablet.sync();
  assert.deepEqual(tablet.titles(), ['rye']);
  assert.deepEqual(tablet.list('READING_SESSION').map(({data}) => data), [{chapter: 1, verse: 2, seconds: 4}]);
  tablet.remove(ref);
});

scenario('nothing to do', async phone => {
  assert.equal(await phone.logged(), 'GET 200');
  assert.equal(phone.head, -1);
  phone.remove(phone.note('never sent'));
  assert.equal(await phone.logged(), 'GET 200');
});

scenario('behind: 409, pull, push again', async (phone, tablet) => {
  phone.note('phone');
  tablet.note('tablet');
  await phone.sync();
  assert.equal(await tablet.logged(), 'POST 409, GET 200, POST 200, GET 200');
  assert.deepEqual(tablet.titles(), ['phone', 'tablet']);
});

scenario('more than a push may have, more than a page has', async (phone, tablet) => {
  for (let i = 0; i < 250; i++) phone.note(`${i}`);
  assert.equal(await phone.logged(), 'POST 200, POST 200, POST 200, GET 200');
  assert.equal(await tablet.logged(), 'GET 200, GET 200, GET 200, GET 200');
  assert.equal(tablet.titles().length, 250);
});

scenario('others write while the tablet follows the pages', async (phone, tablet) => {
  for (let i = 0; i < 10; i++) phone.note(`${i}`);
  await phone.sync();
  let writes = 0;
  tablet.answered = async () => {
    if (++writes > 3) return;
    phone.update(phone.list('NOTE')[0].ref, {title: `again ${writes}`});
    phone.remove(phone.list('NOTE')[1].ref);
    phone.note(`new ${writes}`);
    await phone.sync();
  };
  await tablet.sync();
  assert.ok(writes > 3);
  assert.deepEqual(tablet.titles(), phone.titles());
}, {limit: 3});

scenario('the request does not arrive', async phone => {
  phone.note('milk');
  phone.lose.requests = 1;
  await phone.fail(/no network/);
  assert.equal(await phone.logged(), 'POST 200, GET 200');
});

scenario('the answer is lost: the retry gets 409, and the phone finds its own rows', async (phone, tablet, user) => {
  phone.note('milk');
  phone.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 1});
  phone.lose.answers = 1;
  await phone.fail(/the answer was lost/);
  assert.equal(phone.pending, 2);
  assert.equal(await phone.logged(), 'POST 409, GET 200');
  assert.equal((await backend.state(user)).length, 2);
  assert.equal(phone.pending, 0);
});

for (const strategy of strategies) {
  scenario(`${strategy}: the answer is lost, and the user goes on`, async (phone, tablet, user) => {
    const [a, b, c] = ['a', 'b', 'c'].map(phone.note);
    phone.lose.answers = 1;
    await phone.fail(/the answer was lost/);
    phone.update(a, {title: 'a2'});
    phone.remove(b);
    phone.note('d');
    phone.lose.answers = 1;  // that it is behind
    await phone.fail(/the answer was lost/);
    await phone.sync();
    assert.deepEqual((await backend.state(user)).map(({data}) => data.title).sort(), ['a2', 'c', 'd']);
    phone.update(c, {title: 'c2'});
    phone.lose.answers = 1;
    await phone.fail(/the answer was lost/);
    phone.update(c, {title: 'c3', body: 'text'});  // nobody else did anything: no conflict
    await phone.sync();
    assert.deepEqual(phone.titles(), ['a2', 'c3', 'd']);
  }, {strategy});

  scenario(`${strategy}: the answer is lost, and the tablet changes what the phone made`, async (phone, tablet, user) => {
    phone.note('milk');
    phone.lose.answers = 1;
    await phone.fail(/the answer was lost/);
    await tablet.sync();
    tablet.update(tablet.at('milk'), {body: 'two litres'});
    await tablet.sync();
    await phone.sync();
    const rows = await backend.state(user);
    assert.equal(rows.length, 1);
    assert.equal(rows[0].data.title, 'milk');
    assert.equal(rows[0].data.body, 'two litres');
  }, {strategy});
}

scenario('made, sent, deleted here before there was an answer', async (phone, tablet, user) => {
  const milk = phone.note('milk');
  phone.lose.answers = 1;
  await phone.fail(/the answer was lost/);
  phone.remove(milk);
  assert.deepEqual(phone.titles(), []);
  await phone.sync();
  assert.deepEqual(await backend.state(user), []);
  const bread = phone.note('bread');
  phone.lose.requests = 1;
  await phone.fail(/no network/);
  phone.remove(bread);
  await phone.sync();
});

scenario('deleted here, and what made it arrives afterwards', async (phone, tablet, user) => {
  const milk = phone.note('milk');
  phone.lose.late = 1;
  await phone.fail(/no answer yet/);
  phone.remove(milk);
  await phone.sync();
  assert.equal((await phone.deliver()).status, 200);
  await phone.sync();
  assert.deepEqual(await backend.state(user), []);
});

scenario('a push that arrives when the client has sent it again', async (phone, tablet, user) => {
  const milk = phone.note('milk');
  phone.lose.late = 1;
  await phone.fail(/no answer yet/);
  phone.update(milk, {title: 'oat milk'});
  await phone.sync();
  assert.equal((await phone.deliver()).status, 409);
  await phone.sync();
  assert.deepEqual((await backend.state(user)).map(({data}) => data.title), ['oat milk']);
});

scenario('server: a push that was refused has not happened, though the other device did the same', async (phone, tablet) => {
  phone.note('milk');
  await phone.sync();
  await tablet.sync();
  for (const device of [phone, tablet]) device.update(device.at('milk'), {title: 'bread'});
  await phone.sync();
  tablet.answered = () => tablet.lose.answers = 1;  // after that of the push
  await tablet.fail(/the answer was lost/);
  tablet.answered = undefined;
  tablet.update(tablet.at('bread'), {title: 'rye'});
  await tablet.sync();
  assert.deepEqual(tablet.titles(), ['bread']);
}, {strategy: 'server'});

scenario('client: made again, and the answer is lost', async (phone, tablet, user) => {
  phone.note('milk');
  await phone.sync();
  await tablet.sync();
  phone.remove(phone.at('milk'));
  tablet.update(tablet.at('milk'), {body: 'two litres'});
  await phone.sync();
  let answers = 0;
  tablet.answered = () => tablet.lose.answers = ++answers === 2 ? 1 : 0;  // POST 409, GET 200, and then
  await tablet.fail(/the answer was lost/);
  tablet.answered = undefined;
  await tablet.sync();
  assert.deepEqual((await backend.state(user)).map(({data}) => [data.title, data.body]), [['milk', 'two litres']]);
}, {strategy: 'client'});

test('a server that counts its pages off in whatever there is: what is newer than the first one waits', async () => {
  const send = new Model({offset: true}).send(newUser());
  const [phone, tablet] = [new SyncClient({send}), new SyncClient({
    limit: 2,
    send: async (method, query, body) => {
      if (query.page === 2) {
        const ref = phone.create('NOTE', {title: 'short-lived'});
        await phone.sync();
        const answer = await send(method, query, body);
        phone.remove(ref);
        await phone.sync();
        return answer;
      }
      return send(method, query, body);
    },
  })];
  for (const title of ['a', 'b', 'c']) phone.create('NOTE', {title});
  await phone.sync();
  await tablet.sync();
  assert.deepEqual(held(tablet), held(phone));
});

scenario('changed while the answer is on its way', async (phone, tablet) => {
  const [a, b, c] = ['a', 'b', 'c'].map(phone.note);
  const sync = phone.sync();
  phone.update(a, {title: 'a2'});
  phone.remove(b);
  phone.update(c, {title: 'c'});
  const d = phone.note('d');
  await sync;
  assert.deepEqual(phone.titles(), ['a2', 'c', 'd']);
  phone.remove(d);
  const again = phone.sync();
  phone.note('e');
  await again;
  await tablet.sync();
  assert.deepEqual(tablet.titles(), ['a2', 'c', 'e']);
});

scenario('the head is lost, the rows are not', async (phone, tablet) => {
  phone.note('milk');
  await phone.sync();
  phone.head = undefined;
  assert.equal(await phone.logged(), 'GET 200, GET 200');
  await tablet.sync();
  tablet.remove(tablet.at('milk'));
  tablet.note('bread');
  await tablet.sync();
  phone.note('rye');
  phone.head = undefined;
  assert.equal(await phone.logged(), 'GET 200, POST 409, GET 200, POST 200, GET 200');
  assert.deepEqual(phone.titles(), ['bread', 'rye']);
});

test('the server was restored from a backup', async () => {
  const model = new Model();
  const user = newUser();
  const device = new Device(user, {send: model.send(user)});
  device.note('old');
  await device.sync();
  const space = model.space(user);
  const backup = structuredClone({head: space.head, rows: space.rows, graves: space.graves});
  ['lost', 'changed', 'deleted'].map(device.note);
  await device.sync();
  device.update(device.at('changed'), {title: 'kept'});
  device.remove(device.at('deleted'));
  device.note('new');
  Object.assign(space, structuredClone(backup));
  await device.sync();
  assert.deepEqual(device.titles(), ['kept', 'new', 'old']);
  assert.equal(device.pending, 0);

  device.head = undefined;
  Object.assign(space, structuredClone(backup));
  await device.sync();
  assert.deepEqual(device.titles(), ['old']);
  assert.equal(device.list('NOTE')[0].id, [...space.rows.values()][0].id);
});

scenario('a session that goes and comes back', async (phone, tablet) => {
  const ref = phone.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 10});
  await phone.sync();
  await tablet.sync();
  phone.remove(ref);
  phone.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 11});  // an update
  await phone.sync();
  phone.remove(ref);
  await phone.sync();
  phone.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 12});
  await phone.sync();
  phone.remove(ref);
  await phone.sync();
  await tablet.sync();
  assert.deepEqual(tablet.list('READING_SESSION'), []);
});

scenario('what the server refuses for good is the caller’s to mend', async phone => {
  const milk = phone.note('milk');
  const bad = phone.create('x', {});
  await phone.fail(/^Error: 422: Invalid resource: "x" at mutation\[1\]/);
  assert.equal(phone.pending, 2);
  phone.remove(bad);
  await phone.sync();
  phone.remove(milk);
});

// Both change the title, each another field besides; the phone is first to sync. What both have in the end, by strategy and
// by who was last.
const edits = {
  server: {phone: ['phone', 'by phone', 'r'], tablet: ['phone', 'by phone', 'r']},
  client: {phone: ['tablet', '', 'by tablet'], tablet: ['tablet', '', 'by tablet']},
  last: {phone: ['phone', 'by phone', 'r'], tablet: ['tablet', '', 'by tablet']},
  merge: {phone: ['phone', 'by phone', 'by tablet'], tablet: ['tablet', 'by phone', 'by tablet']},
};
// The phone deletes, the tablet changes, and the other way round: whether the note is there in the end.
const deletions = {
  server: {phone: [false, true], tablet: [false, true]},
  client: {phone: [true, false], tablet: [true, false]},
  last: {phone: [false, true], tablet: [true, false]},
  merge: {phone: [false, true], tablet: [true, false]},
};

for (const strategy of strategies) {
  for (const later of ['phone', 'tablet']) {
    const both = async (phone, tablet) => {
      phone.create('NOTE', {title: 'milk', ref: 'r'});
      await phone.sync();
      await tablet.sync();
      tablet.ahead = later === 'tablet' ? 100_000 : -100_000;
      return [phone.at('milk'), tablet.at('milk')];
    };

    scenario(`${strategy}: both change a note, the ${later} last`, async (phone, tablet) => {
      const [onPhone, onTablet] = await both(phone, tablet);
      phone.update(onPhone, {title: 'phone', body: 'by phone'});
      tablet.update(onTablet, {title: 'tablet', ref: 'by tablet'});
      await phone.sync();
      await tablet.sync();
      const [title, body, ref] = edits[strategy][later];
      const [{data}] = tablet.list('NOTE');
      assert.deepEqual([data.title, data.body, data.ref === 'by tablet'], [title, body, ref === 'by tablet']);
    }, {strategy});

    scenario(`${strategy}: both make a session, the ${later} last`, async (phone, tablet) => {
      phone.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 10});
      tablet.ahead = later === 'tablet' ? 100_000 : -100_000;
      tablet.create('READING_SESSION', {chapter: 1, verse: 1, seconds: 20});
      await phone.sync();
      await tablet.sync();
      const wins = strategy === 'client' || (strategy !== 'server' && later === 'tablet');
      assert.deepEqual(tablet.list('READING_SESSION').map(({data}) => data.seconds), [wins ? 20 : 10]);
    }, {strategy});

    scenario(`${strategy}: one deletes what the other changes, the ${later} last`, async (phone, tablet) => {
      for (const deletes of [phone, tablet]) {
        const [onPhone, onTablet] = await both(phone, tablet);
        if (deletes === phone) {
          phone.remove(onPhone);
          tablet.update(onTablet, {body: 'text'});
        } else {
          phone.update(onPhone, {body: 'text'});
          tablet.remove(onTablet);
        }
        await phone.sync();
        await tablet.sync();
        assert.deepEqual(tablet.titles(), deletions[strategy][later][deletes === phone ? 0 : 1] ? ['milk'] : []);
        for (const {ref} of tablet.list('NOTE')) tablet.remove(ref);
        await tablet.sync();
        await phone.sync();
      }
    }, {strategy});
  }

  scenario(`${strategy}: both delete, both make the same change`, async (phone, tablet) => {
    const [a] = ['a', 'b'].map(phone.note);
    await phone.sync();
    await tablet.sync();
    phone.remove(a);
    tablet.remove(tablet.at('a'));
    phone.update(phone.at('b'), {title: 'c'});
    tablet.update(tablet.at('b'), {title: 'c'});
    await phone.sync();
    assert.equal(await tablet.logged(), 'POST 409, GET 200');
    assert.deepEqual(tablet.titles(), ['c']);
  }, {strategy});
}

test('the client of examples/last_mutation_at/README.md', async () => {
  let shown;
  const values = {
    SyncClient,
    overHttp: (url, user) => (backend.isServer ? overHttp(backend.url, user) : backend.send(user)),
    console: {log: list => shown = list},
  };
  await example('examples/last_mutation_at/README.md', '## The client', values);
  const [{ref, id, data}] = shown;
  assert.ok(id, 'it has been sent');
  assert.deepEqual(data, {ref, title: 'Groceries', body: 'milk'});
  assert.equal(shown.length, 1);
});
