// What the tests of the pages do alike: a database of its own, the server in front of it, a browser. Node finds packages beside
// the file that imports them, so the tests bring theirs.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {after, afterEach, before, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';

/** `name` is what the server says before its address, `role` what it connects as, `directory` where it is,
 * `script` what starts it, `port` where it is to listen (0: where it likes). */
export function harness({pg, chromium, name, role, directory, script = 'server.mjs', port = 0}) {
  const database = `${name}_test_${process.pid}`;
  const errors = [];
  const own = {database, createDatabase, dropDatabase, startServer, newPage, sql};
  let server, newRole;

  async function sql(statement, of = process.env.PGDATABASE ?? 'postgres') {
    const client = new pg.Client({database: of});
    await client.connect();
    try {
      return (await client.query(statement)).rows;
    } finally {
      await client.end();
    }
  }

  async function createDatabase() {
    await sql(`CREATE DATABASE ${database}`);
    await sql(await readFile(new URL('schema.sql', directory), 'utf8'), database);
  }

  async function dropDatabase(tries = 50) {
    try {
      await sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    } catch (error) {
      // Replication slots are in use a moment longer than the process that has used them lives.
      if (error.code !== '55006' || tries === 1) throw error;
      await sleep(100);
      await dropDatabase(tries - 1);
    }
  }

  async function startServer(port, options = process.env.PGOPTIONS) {
    const env = {...process.env, PGUSER: role, PGDATABASE: database, PORT: port, ...options && {PGOPTIONS: options}};
    const child = spawn(process.execPath, [script], {cwd: directory, env, stdio: ['ignore', 'pipe', 'ignore']});
    const [line] = await once(createInterface({input: child.stdout}), 'line');
    return {child, url: line.replace(`${name}: `, '')};
  }

  /** A page of a browser of its own, or a further tab of `context`. */
  async function newPage(context) {
    context ??= await own.browser.newContext();
    context.setDefaultTimeout(8_000);
    const page = await context.newPage();
    page.on('pageerror', error => errors.push(String(error)));
    return page;
  }

  before(async () => {
    newRole = (await sql(`SELECT FROM pg_roles WHERE rolname = '${role}'`)).length === 0;
    await createDatabase();
    ({child: server, url: own.url} = await startServer(port));
    own.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });

  afterEach(() => Promise.all(own.browser.contexts().map(context => context.close())));

  after(async () => {
    await own.browser?.close();
    if (server?.kill()) await once(server, 'exit');
    await dropDatabase();
    if (newRole) await sql(`DROP ROLE ${role}`);
    assert.deepEqual(errors, [], 'errors in the page');
  });

  return own;
}

export const scenario = (title, run) => test(title, {timeout: 40_000}, run);
export const online = page => page.locator('#status.online').waitFor();
