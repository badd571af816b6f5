// The page in real browsers, the server in front of a database of its own.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {chromium} from 'playwright-core';
import {picture} from '../page/gallery.mjs';
import {harness, online, scenario} from '../page/harness.mjs';

const todo = harness({pg, chromium, name: 'todo', role: 'todo_web', directory: new URL('.', import.meta.url)});
const rows = statement => todo.sql(statement, todo.database);

/** The page of a user, in a browser of its own. What it was sent and what it has shown is kept. */
async function open(user, context) {
  const page = await todo.newPage(context);
  const answers = [];
  page.on('response', response => response.url().endsWith('/api/pull') && answers.push(response.text().catch(() => '')));
  page.seen = async () => [...await Promise.all(answers), ...await page.evaluate(() => [...window.shown, document.body.textContent])].join('\n');
  await page.addInitScript(() => {
    window.shown = new Set();
    new MutationObserver(changes => changes.forEach(({target}) => window.shown.add(target.textContent)))
      .observe(document, {childList: true, characterData: true, subtree: true});
  });
  await page.goto(todo.url);
  await page.getByLabel('Your name').fill(user);
  await page.getByText('Show my lists').click();
  await page.locator('#me', {hasText: user.toLowerCase()}).waitFor();
  await online(page);
  return page;
}

const list = (page, name) => page.locator('.list', {hasText: name});
const item = (page, text, state = '') => page.locator(`.todo${state}`, {hasText: text});
const rejection = (page, text) => page.locator('.rejection', {hasText: text});
const sent = (page, text) => item(page, text, ':not(.pending)').waitFor();
const gone = locator => locator.waitFor({state: 'detached'});
const texts = page => page.locator('.todo').allTextContents();
const tick = (page, text) => item(page, text).getByRole('checkbox').click();

async function write(page, label, text) {
  await page.getByLabel(label, {exact: true}).fill(text);
  await page.getByLabel(label, {exact: true}).press('Enter');
}

async function createList(page, name, ...items) {
  await write(page, 'New list', name);
  await page.locator('#title', {hasText: name}).waitFor();
  for (const text of items) await write(page, 'New to-do', text);
  for (const text of items) await sent(page, text);
}

async function share(page, user, role) {
  await page.getByLabel('As', {exact: true}).selectOption(role);
  await write(page, 'Share with', user);
}

async function choose(page, name) {
  await list(page, name).getByRole('button').click();
  await page.locator('#title', {hasText: name}).waitFor();
}

scenario('a list is shared, with more and with fewer rights, and revoked', async () => {
  const [ann, ben] = [await open('Ann'), await open('Ben')];
  await createList(ann, 'Diary of a canary', 'Sing like a canary');
  await createList(ann, 'Shopping', 'Milk', 'Bread');
  await share(ann, 'Ben', 'viewer');
  await list(ben, 'Shopping by ann').waitFor();
  await choose(ben, 'Shopping');
  await sent(ben, 'Bread');

  await tick(ben, 'Milk');
  await rejection(ben, 'MilkNot ticked: this needs the role “editor”, yours is “viewer”').waitFor();
  await item(ben, 'Milk', ':not(.done):not(.pending)').waitFor();
  await ben.getByText('Dismiss').click();
  await gone(ben.locator('.rejection'));

  await ann.getByLabel('Role of ben').selectOption('editor');
  await ben.getByText('You are editor').waitFor();
  await tick(ben, 'Milk');
  await item(ann, 'Milk', '.done').waitFor();
  await write(ben, 'New to-do', 'Eggs');
  await sent(ann, 'Eggs');
  assert.deepEqual(await texts(ann), await texts(ben));

  await ben.context().setOffline(true);
  await ben.locator('#status.offline').waitFor();
  await write(ben, 'New to-do', 'Beer');
  await tick(ben, 'Bread');
  await ben.getByText('Offline · 2 waiting').waitFor();
  await ann.getByLabel('Revoke ben').click();
  await gone(ann.getByLabel('Revoke ben'));
  await write(ann, 'New to-do', 'Seeds for the canary');
  await sent(ann, 'Seeds for the canary');

  await ben.context().setOffline(false);
  await gone(list(ben, 'Shopping'));
  await rejection(ben, 'BeerNot added: the list is gone, or it is not shared with you any more').waitFor();
  await rejection(ben, /^Not ticked: the list is gone/).waitFor();
  assert.equal(await ben.locator('.rejection').count(), 2);
  assert.deepEqual(await texts(ben), []);
  await ben.getByText('No list is chosen').waitFor();

  const pulled = ben.waitForResponse(/\/api\/pull$/); // every change pokes every page
  await write(ann, 'New to-do', 'Tweets of the canary');
  await sent(ann, 'Tweets of the canary');
  await pulled;
  assert.doesNotMatch(await ben.seen(), /canary/i);
  await ben.reload();
  await online(ben);
  await rejection(ben, 'Beer').waitFor();
  assert.equal(await ben.locator('.list').count(), 0);
  assert.deepEqual(await texts(ann), ['Milk', 'Bread', 'Eggs', 'Seeds for the canary', 'Tweets of the canary'].map(text => `${text}×`));
  assert.deepEqual(await rows(`SELECT count(*)::int FROM todo WHERE text = 'Beer'`), [{count: 0}]);
  assert.doesNotMatch(await ben.seen(), /canary/i);
});

scenario('a list that is shared again has all that was done meanwhile', async () => {
  const [ann, ben, phone] = [await open('Ann'), await open('Ben'), await open('Ben')];
  await createList(ann, 'Holidays', 'Book a train', 'Pack');
  // More than a cookie can name.
  await rows(`INSERT INTO todo (id, list_id, text, ord) SELECT gen_random_uuid(), id, 'See sight ' || n, n
    FROM list, generate_series(1, 300) n WHERE name = 'Holidays'`);
  await share(ann, 'ben', 'editor');
  for (const page of [ben, phone]) await choose(page, 'Holidays');
  await sent(ben, 'Pack');
  await ann.getByLabel('Revoke ben').click();
  for (const page of [ben, phone]) await gone(list(page, 'Holidays'));

  await tick(ann, 'Pack');
  await item(ann, 'Book a train').getByLabel('Delete').click();
  await write(ann, 'New to-do', 'Find the passport');
  await sent(ann, 'Find the passport');
  await share(ann, 'ben', 'viewer');
  for (const page of [ben, phone]) {
    await sent(page, 'Find the passport');
    await item(page, 'Pack', '.done').waitFor();
    assert.deepEqual(await texts(page), await texts(ann));
    assert.equal((await texts(page)).length, 302);
  }

  // One of Ben's browsers is told what was rejected of the other.
  await item(ben, 'Pack').getByLabel('Delete').click();
  await rejection(phone, 'PackNot deleted').waitFor();
  await sent(ben, 'Pack');
  await ann.getByText('Delete this list').click();
  for (const page of [ann, ben, phone]) await gone(list(page, 'Holidays'));
  assert.deepEqual(await rows(`SELECT FROM list WHERE name = 'Holidays'`), []);
});

async function until(condition) {
  while (!await condition()) await sleep(20);
}

/** Holds back pulls with a cookie of this order or a higher one, so that a test can act between two pages. */
async function gate(context) {
  const cookies = [];
  const groups = [];
  let last = Infinity;
  let held = 0;
  let open, opened;
  await context.route('**/api/pull', async route => {
    const {cookie, clientGroupID} = route.request().postDataJSON();
    cookies.push(cookie);
    groups.push(clientGroupID);
    if (cookie?.order >= last) {
      held++;
      await opened;
    }
    await route.continue().catch(() => {}); // the tab may be gone
  });
  return {
    cookies,
    groups,
    /** Let go what is held back, and hold back from another order on. */
    move(order = Infinity) {
      open?.();
      held = 0;
      last = order;
      opened = new Promise(resolve => open = resolve);
    },
    holds: count => until(() => held >= count),
  };
}

const serverWithPages = () => todo.startServer(0, '-c replicache.page_size=8kB');

/** A list of a user that takes several pages. */
async function library(owner) {
  const list_id = randomUUID();
  await owner.push(['createList', {id: list_id, name: 'Library'}]);
  const books = await rows(`INSERT INTO todo (id, list_id, text, ord) SELECT gen_random_uuid(), '${list_id}', 'Read book ' || n, n
    FROM generate_series(1, 300) n RETURNING id`);
  return {list_id, books};
}

/** A tab that has some pages of its first answer, and waits for more. */
async function firstTab(context, url, user, pulls) {
  await context.addCookies([{name: 'user', value: user, url}]);
  const tab = await todo.newPage(context);
  pulls.move(3);
  await tab.goto(url);
  await pulls.holds(1);
  return tab;
}

scenario('a long answer comes in pages, and what happens meanwhile comes right', async () => {
  const other = stranger('dora');
  const {list_id, books} = await library(other);
  const {child, url} = await serverWithPages();
  try {
    const context = await todo.browser.newContext();
    const pulls = await gate(context);
    const tab = await firstTab(context, `${url}/#${list_id}`, 'dora', pulls);
    await tab.locator('#loading').getByText(/^[1-9]\d+ entries$/).waitFor();
    const some = await tab.locator('.todo').count();
    assert.ok(some > 50 && some < 250, `${some} to-dos`);

    // Changes of rows that the page has, and of rows that it has not got yet. Its own one stays pending until the last page.
    const saved = tab.evaluate(() => new Promise(resolve => {
      new BroadcastChannel('replicache-on-persist:todo dora 0').onmessage = resolve;
    }));
    await write(tab, 'New to-do', 'Return all of them');
    const has = new Set(await tab.locator('.todo label').allTextContents());
    for (const known of [true, false]) {
      const [ticked, deleted] = books.filter((_, i) => has.has(`Read book ${i + 1}`) === known);
      await other.push(['tickTodo', {...ticked, list_id, done: true}], ['deleteTodo', {...deleted, list_id}]);
    }
    await other.push(['createTodo', {id: randomUUID(), list_id, text: 'Find a shelf', ord: 0}]);
    await until(async () => (await rows(`SELECT FROM todo WHERE text = 'Return all of them'`)).length);
    await saved;

    // Another tab goes on where this one is, and so does this one after a reload.
    const second = await todo.newPage(context);
    await second.goto(`${url}/#${list_id}`);
    await item(second, 'Return all of them', '.pending').waitFor();
    await pulls.holds(2);
    await tab.reload();
    await pulls.holds(3);
    pulls.move(5);
    await pulls.holds(2);
    for (const page of [tab, second]) {
      await page.locator('#loading').getByText(/entries/).waitFor();
      await item(page, 'Return all of them', '.pending').waitFor();
    }
    pulls.move();
    for (const page of [tab, second]) {
      await page.locator('#loading').waitFor({state: 'hidden'});
      await sent(page, 'Return all of them');
      await until(async () => await page.locator('.todo').count() === 300);
      const shown = await page.locator('.todo').evaluateAll(items => items.map(item =>
        ({text: item.querySelector('span').textContent, done: item.classList.contains('done')})));
      assert.deepEqual(shown, await rows(`SELECT text, done FROM todo WHERE list_id = '${list_id}' ORDER BY ord, id`));
    }
    assert.equal(pulls.cookies.filter(cookie => cookie === null).length, 1);
  } finally {
    child.kill();
  }
});

scenario('a new version of the page learns what became of mutations of the old one, also if an answer was not complete', async () => {
  const {list_id} = await library(stranger('emma'));
  const {child, url} = await serverWithPages();
  try {
    const context = await todo.browser.newContext({serviceWorkers: 'block'}); // they would keep the old version
    const pulls = await gate(context);
    const old = await firstTab(context, `${url}/#${list_id}`, 'emma', pulls);
    await write(old, 'New to-do', 'Return all of them');
    const second = await todo.newPage(context);
    await second.goto(`${url}/#${list_id}`);
    await item(second, 'Return all of them').waitFor(); // it was saved
    await Promise.all([old.close(), second.close()]);

    await context.route('**/app.js', async route => {
      const response = await route.fetch();
      await route.fulfill({response, body: (await response.text()).replace('async tickTodo', 'async newMutator(){},async tickTodo')});
    });
    const oldGroup = pulls.groups[0];
    const learnt = context.waitForEvent('response', async response => response.url().endsWith('/api/pull') &&
      response.request().postDataJSON().clientGroupID === oldGroup && Object.keys((await response.json()).lastMutationIDChanges).length > 0);
    pulls.move();
    const tab = await todo.newPage(context);
    await tab.goto(`${url}/#${list_id}`);
    await learnt;
    await sent(tab, 'Return all of them');
    await tab.locator('#loading').waitFor({state: 'hidden'});
  } finally {
    child.kill();
  }
});

/** What a user who writes requests by hand can do. */
function stranger(user) {
  const [clientGroupID, clientID] = [randomUUID(), randomUUID()];
  let id = 0;
  const post = async (path, body) => {
    const response = await fetch(`${todo.url}/api/${path}`, {
      method: 'POST', headers: {'Content-Type': 'application/json', Cookie: `user=${user}`},
      body: JSON.stringify({profileID: 'p', schemaVersion: '', clientGroupID, ...body}),
    });
    assert.equal(response.status, 200);
    return response.json();
  };
  return {
    /** The messages of what was rejected. */
    push: async (...calls) => (await post('push', {pushVersion: 1, mutations: calls.map(([name, args]) => ({clientID, id: ++id, name, args, timestamp: 0}))}))
      .rejected.map(({message}) => message),
    pull: async (cookie = null) => post('pull', {pullVersion: 1, cookie}),
  };
}

test('nobody writes or reads what is not shared with them', async () => {
  const [ann, carl] = [stranger('ann'), stranger('carl')];
  const [list_id, other, id] = [randomUUID(), randomUUID(), randomUUID()];
  assert.deepEqual(await ann.push(['createList', {id: list_id, name: 'of Ann'}], ['createTodo', {id, list_id, text: 'canary', ord: 1}]), []);
  assert.equal((await ann.push(['createTodo', {id: randomUUID(), list_id: randomUUID(), text: 'canary of no list', ord: 1}])).length, 1);
  assert.deepEqual(await carl.push(['createList', {id: other, name: 'of Carl'}]), []);
  const refused = await carl.push(
    ['createTodo', {id: randomUUID(), list_id, text: 'x', ord: 1}],
    ['tickTodo', {id, list_id, done: true}],
    ['deleteTodo', {id, list_id}],
    ['shareList', {list_id, user_id: 'carl', role: 'editor'}],
    ['unshareList', {list_id, user_id: 'ann'}],
    ['deleteList', {id: list_id}],
    ['deleteList', {id: randomUUID()}]); // no such list
  assert.deepEqual(refused, Array(7).fill('the list is gone, or it is not shared with you any more'));
  assert.deepEqual(await carl.push(['tickTodo', {id, list_id: other, done: true}], ['deleteTodo', {id, list_id: other}]), []);
  assert.equal((await carl.push(['shareList', {list_id: other, user_id: 'carl', role: 'viewer'}])).length, 1);
  assert.deepEqual(await rows(`SELECT text, done FROM todo WHERE list_id = '${list_id}'`), [{text: 'canary', done: false}]);
  const {cookie, patch} = await carl.pull();
  assert.deepEqual(patch.filter(({key}) => key && !key.startsWith('error/')).map(({key}) => key).sort(), [`list/${other}`, `share/${other}/carl`]);
  assert.doesNotMatch(JSON.stringify(patch), /canary/);
  await ann.push(['tickTodo', {id, list_id, done: true}], ['deleteTodo', {id, list_id}], ['deleteList', {id: list_id}]);
  assert.deepEqual((await carl.pull(cookie)).patch, []);
});

test('the policies refuse also where a mutator does not ask', async () => {
  const [list_id, id] = [randomUUID(), randomUUID()];
  await rows(`
    CREATE FUNCTION careless(sql text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; END $$;
    SELECT replicache.register_mutator('careless', 'careless(text)')`);
  const [ann, ben] = [stranger('ann'), stranger('ben')];
  const careless = sql => ben.push(['careless', {sql}]);
  await ann.push(['createList', {id: list_id, name: 'of Ann'}], ['createTodo', {id, list_id, text: 'x', ord: 1}],
    ['shareList', {list_id, user_id: 'ben', role: 'viewer'}]);
  for (const sql of [
    `UPDATE todo SET done = true WHERE id = '${id}'`,
    `INSERT INTO todo (id, list_id, text, ord) VALUES (gen_random_uuid(), '${list_id}', 'x', 1)`,
    `UPDATE list SET name = 'of Ben' WHERE id = '${list_id}'`,
    `INSERT INTO share (list_id, user_id, role, owner) VALUES ('${list_id}', 'carl', 'viewer', 'ann')`,
  ]) assert.match((await careless(sql)).join(), /^new row violates row-level security policy/, sql);
  // The owner's name cannot be usurped either.
  assert.match((await careless(`INSERT INTO share (list_id, user_id, role) VALUES ('${list_id}', 'ben', 'owner')`)).join(), /share_pkey|foreign key/);
  assert.match((await careless(`INSERT INTO share (list_id, user_id, role) VALUES ('${list_id}', 'carl', 'editor')`)).join(), /foreign key/);
  // These find no row.
  for (const sql of ['DELETE FROM todo', 'DELETE FROM list', 'DELETE FROM share', `UPDATE share SET role = 'editor'`])
    assert.deepEqual(await careless(sql), [], sql);
  assert.deepEqual(await rows(`
    SELECT l.name, t.done, s.role FROM list l JOIN todo t ON t.list_id = l.id JOIN share s ON s.list_id = l.id AND s.user_id = 'ben'
    WHERE l.id = '${list_id}'`), [{name: 'of Ann', done: false, role: 'viewer'}]);
});

test('a pull reads the rows of its user by indexes', async () => {
  await rows(`
    INSERT INTO list (id, name, owner) SELECT gen_random_uuid(), 'many', 'user-' || n FROM generate_series(1, 2000) n;
    INSERT INTO share (list_id, user_id, role, owner) SELECT id, owner, 'owner', owner FROM list WHERE name = 'many';
    INSERT INTO todo (id, list_id, text, ord) SELECT gen_random_uuid(), id, 'x', n FROM list, generate_series(1, 10) n WHERE name = 'many'`);
  await rows('VACUUM ANALYZE list, share, todo');
  const web = new pg.Client({database: todo.database, user: 'todo_web'});
  await web.connect();
  const plan = async table => JSON.stringify((await web.query(`EXPLAIN SELECT * FROM ${table}`)).rows);
  try {
    for (const table of ['list', 'share', 'todo']) assert.doesNotMatch(await plan(table), /Seq Scan/);
  } finally {
    await web.end();
  }
});

test('the server has less than 25 lines', async () => {
  const lines = (await readFile(new URL('server.mjs', import.meta.url), 'utf8')).trimEnd().split('\n');
  assert.ok(lines.length < 25, `${lines.length} lines`);
});

picture(todo, 'lists.webp', {width: 600, height: 560, scale: 1.5}, async stage => {
  const ada = await stage.window('Ada', context => open('Ada', context));
  const grace = await stage.window('Grace', context => open('Grace', context), {colorScheme: 'dark'});
  await createList(grace, 'Compilers', 'Write the first one');
  await createList(ada, 'Diary', 'Engines and music');
  await createList(ada, 'Picnic');
  for (const text of ['Bread and cheese', 'Lemonade', 'A blanket']) {
    await write(ada, 'New to-do', text);
    await sent(ada, text);
    await stage.later();
  }
  await tick(ada, 'Lemonade');
  await share(ada, 'Grace', 'viewer');
  await list(grace, 'Picnic by ada').waitFor();
  await choose(grace, 'Picnic');
  await item(grace, 'Lemonade', '.done').waitFor();
  await tick(grace, 'A blanket');
  await rejection(grace, 'A blanketNot ticked').waitFor();
  await item(grace, 'A blanket', ':not(.done):not(.pending)').waitFor();
  await ada.locator('.pending').waitFor({state: 'detached'});
  await stage.frame();
});
