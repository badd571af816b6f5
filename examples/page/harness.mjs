// What the tests of the pages do alike: a database of its own, the server in front of it, a browser. Node finds packages beside
// the file that imports them, so the tests bring theirs.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createInterface} from 'node:readline';
import {after, afterEach, before, test} from 'node:test';

/** `name` is what the server says before its address, `role` what it connects as, `directory` where it is. */
export function harness({pg, chromium, name, role, directory}) {
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

  function dropDatabase() {
    return sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  }

  async function startServer(port, options = process.env.PGOPTIONS) {
    const env = {...process.env, PGUSER: role, PGDATABASE: database, PORT: port, ...options && {PGOPTIONS: options}};
    const child = spawn(process.execPath, ['server.mjs'], {cwd: directory, env, stdio: ['ignore', 'pipe', 'ignore']});
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
    ({child: server, url: own.url} = await startServer(0));
    own.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });

  afterEach(() => Promise.all(own.browser.contexts().map(context => context.close())));

  after(async () => {
    await own.browser?.close();
    server?.kill();
    await dropDatabase();
    if (newRole) await sql(`DROP ROLE ${role}`);
    assert.deepEqual(errors, [], 'errors in the page');
  });

  return own;
}

export const scenario = (title, run) => test(title, {timeout: 40_000}, run);
export const online = page => page.locator('#status.online').waitFor();
