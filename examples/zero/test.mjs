// The page in real browsers, with zero-cache and the backend in front of a database of its own: npm test starts a PostgreSQL for
// it, in a network of its own, because zero-cache listens on all interfaces.
import assert from 'node:assert/strict';
import {rm} from 'node:fs/promises';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pg from 'pg';
import {chromium} from 'playwright-core';
import {picture} from '../page/gallery.mjs';
import {harness, online} from '../page/harness.mjs';

// Pages notice after up to ten seconds that they are offline, and try again after up to five.
const scenario = (title, run) => test(title, {timeout: 90_000}, run);

const missing = process.env.NO_NAMESPACES;
if (missing) test('the page', {skip: missing}, () => {});
else run();

function run() {
  const replica = join(tmpdir(), `zero-chat-${process.pid}.db`);
  process.env.ZERO_REPLICA_FILE = replica;

  // zero-cache knows no Unix sockets.
  const relay = net.createServer(inner => {
    const outer = net.connect(`${process.env.PGHOST}/.s.PGSQL.${process.env.PGPORT}`);
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on('error', () => (inner.destroy(), outer.destroy()));
  });
  before(() => new Promise(resolve => relay.listen(5432, '127.0.0.1', resolve)));

  const chat = harness({pg, chromium, name: 'chat', role: 'zero_chat', directory: new URL('.', import.meta.url), script: 'start.mjs', port: 8789});
  before(async () => {
    while (!(await fetch('http://127.0.0.1:4848/keepalive').then(({ok}) => ok, () => false))) await sleep(100);
  });
  after(async () => {
    relay.close();
    for (const suffix of ['', '-shm', '-wal', '-wal2']) await rm(replica + suffix, {force: true});
  });
  scenarios(chat);
}

function scenarios(chat) {
  const {database, sql} = chat;

  /** A window of its own, or a further tab of `context`, and the name given if it is asked for. */
  async function open(name, context) {
    const page = await chat.newPage(context);
    page.context().setDefaultTimeout(20_000);
    await page.goto(chat.url);
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

  scenario('what one says the other sees within five seconds', async () => {
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    for (const [from, to, text] of [[ada, grace, 'Hello Grace'], [grace, ada, 'Hello Ada'], [ada, grace, 'Bye <b>Grace</b>']]) {
      await say(from, text);
      await message(to, text).waitFor({timeout: 5_000});
      await sent(from, text);
    }
    assert.deepEqual(await texts(ada), ['Hello Grace', 'Hello Ada', 'Bye <b>Grace</b>']);
    assert.deepEqual(await texts(grace), await texts(ada));
    assert.deepEqual(await sql('SELECT sender FROM message ORDER BY ord', database), [{sender: 'Ada'}, {sender: 'Grace'}, {sender: 'Ada'}]);
  });

  scenario('what is said offline waits, and is delivered later', async () => {
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    await grace.context().setOffline(true);
    await grace.locator('#status.offline').waitFor();
    await say(grace, 'from the tunnel');
    await say(ada, 'meanwhile outside');
    await grace.getByText('Offline · 1 waiting').waitFor();
    await message(grace, 'from the tunnel', '.pending').waitFor();
    await sent(ada, 'meanwhile outside');
    assert.equal(await message(ada, 'from the tunnel').count(), 0);

    await grace.context().setOffline(false);
    await message(ada, 'from the tunnel').waitFor();
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
    await ada.locator('#status.offline').waitFor();
    await say(ada, 'written offline');
    await message(ada, 'written offline', '.pending').waitFor();
    await ada.waitForTimeout(2_500); // Zero writes to disk when there is nothing else to do
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

  scenario('a message can be deleted, by its author only', async () => {
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    await say(ada, 'a mistake');
    await sent(grace, 'a mistake');
    await message(ada, 'a mistake').hover();
    await message(ada, 'a mistake').getByLabel('Delete').click();
    await gone(ada, 'a mistake');
    await gone(grace, 'a mistake');

    await say(ada, 'stays');
    await sent(grace, 'stays');
    const other = await open('Ada'); // by name, but not by login
    await message(other, 'stays').hover();
    await message(other, 'stays').getByLabel('Delete').click();
    await other.locator('.rejection').getByText('Not deleted: a message can be deleted by its author only').waitFor();
    await message(other, 'stays').waitFor();
  });

  scenario('two tabs of one browser are one', async () => {
    const first = await open('Ada');
    const second = await open(undefined, first.context());
    await say(first, 'from the first tab');
    await message(second, 'from the first tab', '.mine').waitFor({timeout: 5_000});
    await say(second, 'from the second tab');
    await sent(first, 'from the second tab');
    await sent(second, 'from the second tab');
    assert.deepEqual(await texts(first), await texts(second));
  });

  scenario('a search finds what the page does not have', async () => {
    await sql(`INSERT INTO message (id, sender, content, ord) SELECT 'old' || i, 'Ben', 'old ' || i || CASE i WHEN 7 THEN ' 100 % Needle' ELSE '' END, i FROM generate_series(1, 300) i`, database);
    const ada = await open('Ada');
    await message(ada, 'old 300').waitFor();
    assert.equal(await message(ada, 'Needle').count(), 0);
    await ada.getByLabel('Search').fill('0 % needle');
    await message(ada, 'Needle').waitFor();
    assert.deepEqual(await texts(ada), ['old 7 100 % Needle']);
    await ada.getByLabel('Search').fill('');
    await message(ada, 'old 300').waitFor();
    await sql(`DELETE FROM message WHERE sender = 'Ben'`, database);
    await gone(ada, 'old 300');
  });

  scenario('an outage of the backend loses nothing', async () => {
    const [ada, grace] = [await open('Ada'), await open('Grace')];
    await sql('REVOKE USAGE ON SCHEMA zero_0 FROM zero_chat', database);
    try {
      await say(ada, 'during the outage');
      await ada.locator('#status.offline').waitFor();
      await message(ada, 'during the outage', '.pending').waitFor();
    } finally {
      await sql('GRANT USAGE ON SCHEMA zero_0 TO zero_chat', database);
    }
    await sent(ada, 'during the outage');
    await sent(grace, 'during the outage');
    assert.equal(await ada.locator('.rejection').count(), 0);
  });

  picture(chat, 'zero.webp', {height: 610, scale: 1.5}, async stage => {
    await sql('DELETE FROM message', database);
    const ada = await stage.window('Ada', context => open('Ada', context));
    const grace = await stage.window('Grace', context => open('Grace', context), {colorScheme: 'dark'});
    for (const [page, text] of [[grace, 'I found a moth in relay 70.'], [ada, 'Is it all right?'], [grace, 'The relay is. The moth is taped into the log book.']]) {
      await say(page, text);
      for (const other of [ada, grace]) await sent(other, text);
    }
    await say(ada, 'Cheap spam!');
    await ada.locator('.rejection').waitFor();
    await gone(ada, 'Cheap spam!');
    await grace.getByLabel('Search').fill('moth');
    await gone(grace, 'Is it all right?');
    await stage.frame();
  });
}
