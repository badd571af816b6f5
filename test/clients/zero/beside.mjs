// Clients of Replicache, PowerSync and Zero on the same tables: tests of client.test.mjs.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {eventually, mutators, queries, skip, watch} from './stack.mjs';

const ok = {type: 'success'};

/** A Replicache client, as far as the server sees it. */
class Replicache {
  #id = 0;
  #last = Promise.resolve();
  #view = new Map();
  cookie = null;

  constructor(call, name) {
    this.call = call;
    this.name = name;
  }

  /** One after the other, as the client does it. */
  push(...mutations) {
    return (this.#last = this.#last.then(() => this.#push(mutations)));
  }

  async #push(mutations) {
    const list = mutations.map(([name, args]) => ({clientID: this.name, id: ++this.#id, name, args, timestamp: 1}));
    const request = {pushVersion: 1, schemaVersion: '', profileID: 'p1', clientGroupID: `group of ${this.name}`, mutations: list};
    const answer = await this.call('SELECT replicache.apply_push($1, $2) AS answer', request, 'rita');
    assert.equal(answer.halted, null);
    return answer;
  }

  /** What it sees after a pull. */
  async pull() {
    const request = {pullVersion: 1, schemaVersion: '', profileID: 'p1', clientGroupID: `group of ${this.name}`, cookie: this.cookie};
    const {cookie, patch} = await this.call('SELECT replicache.pull($1, $2) AS answer', request, 'rita');
    for (const {op, key, value} of patch) {
      if (op === 'clear') this.#view.clear();
      else if (op === 'put') this.#view.set(key, value);
      else this.#view.delete(key);
    }
    this.cookie = cookie;
    return this.#view;
  }
}

export function testsBeside({database, open, close}) {
  const call = async (sql, request, ...more) => (await database.app.query(sql, [JSON.stringify(request), ...more])).rows[0].answer;

  async function upload(...crud) {
    const answer = await call('SELECT replicache.powersync_upload($1, $2) AS answer', {transactions: [{crud}]}, 'paul');
    assert.deepEqual(answer.results, [{status: 'success'}]);
  }

  test('what one kind of client does reaches the others', {skip}, async () => {
    await database.owner.query('DELETE FROM item; DELETE FROM todo');
    const [zero, replicache] = [open(), new Replicache(call, 'r1')];
    const [items, todos] = [watch(zero, queries.item.all()), watch(zero, queries.todo.all())];
    await replicache.pull();

    await replicache.push(['item.put', {id: 'a', title: 'from Replicache'}], ['todo.insert', {id: 't1', text: 'one'}]);
    await eventually(() => assert.deepEqual(items.rows.map(({id, title, owner}) => [id, title, owner]), [['a', 'from Replicache', 'rita']]));
    await eventually(() => assert.deepEqual(todos.rows.map(({id, text}) => [id, text]), [['t1', 'one']]));

    assert.deepEqual(await zero.mutate(mutators.item.put({id: 'a', title: 'from Zero'})).server, ok);
    assert.deepEqual(await zero.mutate(mutators.todo.update({id: 't1', done: true})).server, ok);
    let view = await replicache.pull();
    assert.deepEqual(view.get('item/a'), {id: 'a', title: 'from Zero', owner: 'ann', n: 0});
    assert.deepEqual(view.get('todo/t1'), {id: 't1', text: 'one', done: true});

    await upload({op: 'PUT', type: 'todo', id: 't2', data: {text: 'from PowerSync', done: false}}, {op: 'PATCH', type: 'todo', id: 't1', data: {text: 'changed'}});
    await eventually(() => assert.deepEqual(todos.rows.map(({id, text, done}) => [id, text, done]), [['t1', 'changed', true], ['t2', 'from PowerSync', false]]));
    view = await replicache.pull();
    assert.deepEqual([view.get('todo/t1').text, view.get('todo/t2').text], ['changed', 'from PowerSync']);

    assert.deepEqual(await zero.mutate(mutators.todo.delete({id: 't2'})).server, ok);
    await upload({op: 'DELETE', type: 'todo', id: 't1'});
    await replicache.push(['item.delete', {id: 'a'}]);
    await eventually(() => assert.deepEqual([items.rows.length, todos.rows.length], [0, 0]));
    assert.deepEqual([...(await replicache.pull()).keys()], []);
    await close(zero);
  });

  test('all of them at once lose no update', {skip}, async () => {
    const zeros = [open(), open({user: 'bob'})];
    const replicaches = [new Replicache(call, 'r2'), new Replicache(call, 'r3')];
    const rounds = 8;
    const sent = [];
    for (let n = 0; n < rounds; n++) {
      for (const zero of zeros) sent.push(zero.mutate(mutators.item.count({id: 'all'})).server.then(answer => assert.deepEqual(answer, ok)));
      sent.push(...replicaches.map(client => client.push(['item.count', {id: 'all'}])));
      sent.push(upload({op: 'PUT', type: 'todo', id: `u${n}`, data: {text: `${n}`, done: n % 2 === 0}}));
      await Promise.race(sent.slice(-5));
    }
    await Promise.all(sent);
    const view = watch(zeros[0], queries.item.all());
    const todos = watch(zeros[1], queries.todo.all());
    await eventually(() => assert.equal(view.rows.find(({id}) => id === 'all')?.n, 4 * rounds));
    await eventually(() => assert.equal(todos.rows.length, rounds));
    assert.equal((await replicaches[0].pull()).get('item/all').n, 4 * rounds);
    await close(...zeros);
  });

  test('no Zero client sees a version', {skip}, async () => {
    const client = open();
    assert.deepEqual(await client.mutate(mutators.item.put({id: 'v', title: 'seen'})).server, ok);
    const items = watch(client, queries.item.titled({titles: ['seen']}));
    await eventually(() => assert.equal(items.state, 'complete'));
    await eventually(() => assert.deepEqual(items.rows.map(row => Object.keys(row).filter(name => typeof name === 'string').sort()), [['id', 'n', 'owner', 'title']]));
    assert.ok((await database.value('SELECT version FROM item WHERE id = $1', 'v')) > 0);
    await close(client);
  });
}
