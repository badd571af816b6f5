// The page in real browsers, the server in front of a database of its own.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:net';
import pg from 'pg';
import {chromium} from 'playwright-core';
import {network, picture} from '../page/gallery.mjs';
import {harness, online, scenario} from '../page/harness.mjs';

const chat = harness({pg, chromium, name: 'chat', role: 'chat', directory: new URL('.', import.meta.url)});
const {createDatabase, database, dropDatabase, sql, startServer} = chat;

/** A window of its own, or a further tab of `context`, and the name given if it is asked for. */
async function open(name, context, url = chat.url) {
  const page = await chat.newPage(context);
  await page.goto(url);
  if (name) {
    await page.getByLabel('Your name').fill(name);
    await page.getByText('Join the chat').click();
  }
  await online(page);
  return page;
}

async function say(page, text) {
  await page.getByLabel('Message').fill(text);
  await page.getByLabel('Message').press('Enter');
}

const message = (page, text, state = '') => page.locator(`.message${state}`, {hasText: text});
const sent = (page, text) => message(page, text, ':not(.pending)').waitFor();
const gone = (page, text) => message(page, text).waitFor({state: 'detached'});
const texts = page => page.locator('.message .bubble').allTextContents();

scenario('what one says the other sees within two seconds', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  for (const [from, to, text] of [[ada, grace, 'Hello Grace'], [grace, ada, 'Hello Ada'], [ada, grace, 'Bye <b>Grace</b>']]) {
    await say(from, text);
    await message(to, text).waitFor({timeout: 2_000});
    await sent(from, text);
  }
  assert.deepEqual(await texts(ada), ['Hello Grace', 'Hello Ada', 'Bye <b>Grace</b>']);
  assert.deepEqual(await texts(grace), await texts(ada));
  assert.equal(await ada.locator('.message.mine').count(), 2);
  assert.equal(await grace.locator('.message.mine').count(), 1);
  assert.deepEqual(await sql('SELECT sender FROM message ORDER BY ord', database), [{sender: 'Ada'}, {sender: 'Grace'}, {sender: 'Ada'}]);
});

scenario('messages come without a pull, rejections, too', async () => {
  const windows = [await open('Ada'), await open('Grace'), await open('Ben')];
  windows.push(await open(undefined, windows[0].context()));
  const [ada, grace] = windows;
  await say(ada, 'everybody is here');
  for (const page of windows) await sent(page, 'everybody is here');
  await ada.waitForTimeout(500);
  const pulls = [];
  for (const page of windows) page.on('request', request => request.url().endsWith('/api/pull') && pulls.push(page));
  for (const [page, text] of [[ada, 'one'], [grace, 'two'], [ada, '“three”\nand \\four 🙂']]) {
    await page.getByLabel('Message').fill(text);
    await page.getByLabel('Message').press('Enter');
    for (const other of windows) await sent(other, text.split('\n')[0]);
  }
  await Promise.all(windows.map((page, i) => say(page, `all at once ${i}`)));
  for (const page of windows) for (const i of windows.keys()) await sent(page, `all at once ${i}`);
  await say(grace, 'spam');
  await grace.locator('.rejection').waitFor();
  await gone(grace, 'spam');
  await sql(`DELETE FROM message WHERE content = 'two'`, database);
  for (const page of windows) await gone(page, 'two');
  for (const page of windows) assert.deepEqual(await texts(page), await texts(ada));
  // A tab may have to, when Replicache gives it what another tab has saved. Without events, there would be dozens.
  assert.ok(pulls.length < 4, `${pulls.length} pulls`);
});

scenario('what is said offline waits, and is delivered later', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  await grace.context().setOffline(true);
  await grace.locator('#status.offline').waitFor();
  await say(grace, 'from the tunnel');
  await say(ada, 'meanwhile outside');
  await grace.getByText('Offline · 1 waiting').waitFor();
  await message(grace, 'from the tunnel', '.pending').waitFor();
  assert.equal(await message(ada, 'from the tunnel').count(), 0);

  await grace.context().setOffline(false);
  await message(ada, 'from the tunnel').waitFor({timeout: 2_000});
  await sent(grace, 'from the tunnel');
  await sent(grace, 'meanwhile outside');
  await online(grace);
  assert.deepEqual(await texts(grace), await texts(ada));
});

scenario('a reload keeps everything, even without a network', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  await say(ada, 'before the reload');
  await sent(ada, 'before the reload');
  await ada.evaluate(() => navigator.serviceWorker.ready);
  await ada.reload();
  await message(ada, 'before the reload', '.mine').waitFor();

  await ada.context().setOffline(true);
  await say(ada, 'written offline');
  await message(ada, 'written offline', '.pending').waitFor();
  await ada.waitForTimeout(2_500); // Replicache writes to disk when there is nothing else to do
  await ada.reload();
  await message(ada, 'before the reload', '.mine').waitFor();
  await message(ada, 'written offline', '.pending').waitFor();

  await ada.context().setOffline(false);
  await message(grace, 'written offline').waitFor();
  await sent(ada, 'written offline');
});

scenario('a rejected message is taken back, with the reason', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  await say(ada, 'buy spam now');
  const rejection = ada.locator('.rejection');
  await rejection.waitFor();
  assert.match(await rejection.textContent(), /buy spam now.*Not sent: “spam” is a word that this chat does not take. Try “ham”/);
  await gone(ada, 'buy spam now');
  await ada.reload();
  await rejection.getByText('Edit').click();
  assert.equal(await ada.getByLabel('Message').inputValue(), 'buy spam now');
  await rejection.waitFor({state: 'detached'});
  await say(ada, 'buy ham now');
  await sent(grace, 'buy ham now');

  await say(ada, 'x'.repeat(501));
  await rejection.getByText('500 characters at most, this one has 501').waitFor();
  await rejection.getByText('Dismiss').click();
  await rejection.waitFor({state: 'detached'});
  assert.deepEqual(await texts(ada), await texts(grace));
});

scenario('two tabs of one browser are one', async () => {
  const first = await open('Ada');
  const second = await open(undefined, first.context());
  await say(first, 'from the first tab');
  await message(second, 'from the first tab', '.mine').waitFor({timeout: 2_000});
  await say(second, 'from the second tab');
  await sent(first, 'from the second tab');
  await sent(second, 'from the second tab');

  await say(first, 'spam?');
  await first.locator('.rejection').waitFor();
  await second.locator('.rejection').getByText('Dismiss').click();
  await first.locator('.rejection').waitFor({state: 'detached'});
  assert.deepEqual(await texts(first), await texts(second));
});

scenario('a message can be deleted, by its author only', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  await say(ada, 'to be deleted');
  await say(ada, 'to be kept');
  await sent(grace, 'to be kept');
  await message(ada, 'to be deleted').hover();
  await message(ada, 'to be deleted').getByLabel('Delete').click();
  await gone(grace, 'to be deleted');

  await grace.locator('#me').click();
  await grace.getByLabel('Your name').fill('Ada');
  await grace.getByText('Join the chat').click();
  await message(grace, 'to be kept', '.mine').hover();
  await message(grace, 'to be kept').getByLabel('Delete').click();
  await grace.getByText('can be deleted by its author only').waitFor();
  await sent(grace, 'to be kept');
  await sent(ada, 'to be kept');
});

scenario('a taken port leads to the next', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const {port} = other.address();
  const {child, url} = await startServer(port);
  try {
    assert.ok(Number(new URL(url).port) > port);
    assert.equal((await fetch(url)).status, 200);
    assert.equal((await fetch(`${url}/api/pull`, {method: 'POST'})).status, 401);
  } finally {
    child.kill();
    other.close();
  }
});

scenario('a request that is malformed says so', async () => {
  const headers = {'Content-Type': 'application/json', Cookie: 'user=test'};
  for (const body of ['', '{', '[]', '{"pushVersion":1,"clientGroupID":"g","mutations":[{"id":"x"}]}'])
    assert.equal((await fetch(`${chat.url}/api/push`, {method: 'POST', headers, body})).status, 400, body);
});

scenario('messages arrive again after the server lost its connections', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND usename = 'chat'`);
  await say(ada, 'after the cut');
  await message(grace, 'after the cut').waitFor();
  await grace.waitForTimeout(1_500);
  await say(grace, 'poked again');
  await message(ada, 'poked again').waitFor({timeout: 2_000});
});

scenario('pages go on when the server restarts', async () => {
  let {child, url} = await startServer(0);
  const common = chat.url;
  chat.url = url;
  try {
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    await say(ada, 'before the restart');
    await sent(grace, 'before the restart');
    child.kill();
    await once(child, 'exit');
    await grace.locator('#status.offline').waitFor();
    await say(grace, 'while it was down');
    await sql(`DELETE FROM message WHERE content = 'before the restart'`, database);
    ({child} = await startServer(new URL(url).port));
    await sent(ada, 'while it was down');
    await gone(ada, 'before the restart');
    await sent(grace, 'while it was down');
    await online(grace);
    await say(ada, 'after the restart');
    await message(grace, 'after the restart').waitFor({timeout: 2_000});
  } finally {
    chat.url = common;
    child.kill();
  }
});

scenario('a page that comes back later has what it missed', async () => {
  const [ada, grace] = [await open('Ada'), await open('Grace')];
  for (const text of ['is kept', 'is deleted']) await say(ada, text);
  await sent(grace, 'is deleted');
  await grace.waitForTimeout(2_500); // on disk by now
  await grace.goto('about:blank');
  await sql(`DELETE FROM message WHERE content = 'is deleted'`, database);
  for (const i of [1, 2, 3]) await say(ada, `missed ${i}`);
  await sent(ada, 'missed 3');
  await grace.goto(chat.url);
  await sent(grace, 'missed 3');
  await say(ada, 'goes on');
  await message(grace, 'goes on').waitFor({timeout: 2_000});
  assert.deepEqual(await texts(grace), await texts(ada));
});

scenario('a poke that names no space reaches everybody', async () => {
  const payloads = [];
  const listener = new pg.Client({database});
  listener.on('notification', ({payload}) => payloads.push(payload));
  await listener.connect();
  await listener.query('LISTEN replicache');
  const reconnect = () => sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND usename = 'chat'`);
  await sql(`ALTER ROLE chat IN DATABASE ${database} SET replicache.poke_names = off`);
  try {
    await reconnect();
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    await ada.waitForTimeout(1_500);
    await say(ada, 'to whom it may concern');
    await message(grace, 'to whom it may concern').waitFor({timeout: 2_000});
    await listener.query('SELECT');
    assert.deepEqual([...new Set(payloads)], ['{"space":null}']);
  } finally {
    await listener.end();
    await sql(`ALTER ROLE chat IN DATABASE ${database} RESET replicache.poke_names`);
    await reconnect();
  }
});

scenario('a page whose database was replaced starts afresh', async () => {
  const ada = await open('Ada');
  await say(ada, 'in the old database');
  await sent(ada, 'in the old database');
  await ada.waitForTimeout(2_500); // on disk by now
  await dropDatabase();
  await createDatabase();
  await ada.getByText('Nobody has said anything yet').waitFor();
  await say(ada, 'in the new database');
  await sent(ada, 'in the new database');
  assert.deepEqual(await sql('SELECT content FROM message', database), [{content: 'in the new database'}]);
});

picture(chat, 'two-windows.webp', {height: 490}, async stage => {
  await sql('DELETE FROM message', database);
  const way = await network(chat.url);
  const ada = await stage.window('Ada', context => open('Ada', context));
  const grace = await stage.window('Grace', context => open('Grace', context, way.url));
  const both = text => Promise.all([sent(ada, text), sent(grace, text)]);
  await say(ada, 'Are you on the train?');
  await both('Are you on the train?');
  await stage.frame('Two windows, two users', 1.5);
  await grace.getByLabel('Message').fill('Yes, since nine.');
  await stage.frame('Grace writes …', 1.2);
  await say(grace, 'Yes, since nine.');
  await both('Yes, since nine.');
  await stage.frame('… and Ada sees it at once.', 2);

  await way.cut(grace);
  await grace.locator('#status.offline').waitFor();
  await stage.later();
  await stage.frame('Grace is in a tunnel, without a network.', 1.8);
  await say(grace, 'In a tunnel now.');
  await grace.getByText('Offline · 1 waiting').waitFor();
  await stage.frame('She writes on. Her message waits on her device.', 2.2);
  await stage.later();
  await say(ada, 'I will meet you at the station.');
  await sent(ada, 'I will meet you at the station.');
  await stage.frame('Ada writes, too. Grace cannot see it yet.', 2.2);

  await way.mend(grace);
  await both('In a tunnel now.');
  await both('I will meet you at the station.');
  await online(grace);
  await stage.frame('Out of the tunnel: both have everything.', 3.5);
});

picture(chat, 'chat.webp', {height: 650, scale: 1.5}, async stage => {
  await sql('DELETE FROM message', database);
  const ada = await stage.window('Ada Lovelace', context => open('Ada Lovelace', context));
  const grace = await stage.window('Grace', context => open('Grace', context), {colorScheme: 'dark'});
  for (const [page, text] of [[ada, 'Good morning! Is this really nothing but PostgreSQL?'], [grace, 'Nothing but. A push is one function call.'],
    [grace, 'A pull is another one.'], [ada, 'And when you are offline?']]) {
    await say(page, text);
    for (const other of [ada, grace]) await sent(other, text);
  }
  await say(ada, 'Cheap spam!');
  await ada.locator('.rejection').waitFor();
  await gone(ada, 'Cheap spam!');
  await stage.later();
  await grace.context().setOffline(true);
  await grace.locator('#status.offline').waitFor();
  for (const text of ['In a tunnel right now, as it happens.', 'You will read this when I am out.']) await say(grace, text);
  await grace.getByText('Offline · 2 waiting').waitFor();
  await stage.frame();
});
