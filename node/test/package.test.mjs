// The archive that npm pack makes, in an app of its own: what is in it, its types, a push and a pull.
import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {assert, database, pullOf, pushOf} from './harness.mjs';

const run = promisify(execFile);
const here = fileURLToPath(new URL('..', import.meta.url));

const app = `
import pg from 'pg';
import {createSync, nobody, statusOf, toNodeHandler, type Handler, type Sync, type SyncOptions} from 'replicache-ext';

const pool = new pg.Pool({database: process.env.DATABASE!, max: 2});
const options: SyncOptions = {
  pool, replica: pool, limit: 1_000,
  authenticate: request => request.headers.get('x-user'),
  space: async (request: Request, user: string): Promise<string | Response> => user === 'eve' ? new Response('no', {status: 403}) : '',
};
const sync: Sync = createSync(options);
const post = async (handler: Handler, body: string, user: string): Promise<Response> =>
  handler(new Request('http://localhost/', {method: 'POST', body, headers: {'Content-Type': 'application/json', 'x-user': user}}));
// Where nobody is served, \`space\` has to think of them. Elsewhere, it has not.
const mayUse = (user: string): boolean => user !== '';
createSync({pool, authenticate: async request => request.headers.get('x-user') ?? nobody, space: (request, user) => user === null ? '' : user});
// @ts-expect-error null is no string
createSync({pool, authenticate: async request => request.headers.get('x-user') ?? nobody, space: (request, user) => mayUse(user) ? '' : 'x'});
createSync({pool, authenticate: async request => request.headers.get('x-user'), space: (request, user) => mayUse(user) ? '' : 'x'});
export const node: (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<void> = toNodeHandler(sync.push);

const [push, pull] = process.argv.slice(2) as [string, string];
const pushed: {applied: number} = await (await post(sync.push, push, 'ann')).json() as {applied: number};
const pulled = await (await post(sync.pull, pull, 'ann')).json() as {patch: {op: string; value?: {content: string}}[]};
const refused = await post(sync.pull, pull, 'eve');
console.log(JSON.stringify([pushed.applied, pulled.patch.at(-1)?.value?.content, refused.status, statusOf({code: '42501'})]));
await sync.close();
await pool.end();
`;

test('npm pack, npm install, tsc --strict, a push and a pull', async t => {
  const db = await database();
  const directory = await mkdtemp(join(tmpdir(), 'replicache-package.'));
  t.after(() => rm(directory, {recursive: true}));
  const {stdout: packed} = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {cwd: here});
  const [{filename, files}] = Object.values(JSON.parse(packed));
  const paths = files.map(({path}) => path);
  for (const path of ['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts', 'dist/cli.js']) assert.ok(paths.includes(path), path);
  assert.ok(paths.every(path => /^(dist\/|package\.json$|README\.md$|LICENSE$)/.test(path)), paths.join());

  // What the registry would give is here already, and nothing else is wanted of it.
  const modules = join(directory, 'app', 'node_modules');
  await mkdir(modules, {recursive: true});
  await writeFile(join(directory, 'app', 'package.json'), JSON.stringify({name: 'app', private: true, type: 'module'}));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps', join(directory, filename)], {cwd: join(directory, 'app')});
  assert.deepEqual((await readdir(modules)).filter(name => !name.startsWith('.')), ['replicache-ext']);
  for (const name of await readdir(join(here, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(here, 'node_modules', name), join(modules, name));

  await writeFile(join(directory, 'app', 'app.mts'), app);
  const compiler = join(here, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [compiler, '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', 'app.mts'], {cwd: join(directory, 'app')})
    .catch(({stdout}) => assert.fail(stdout));
  const env = {...process.env, DATABASE: db.name};
  const {stdout} = await run(process.execPath, ['app.mjs', JSON.stringify(pushOf('from the archive')), JSON.stringify(pullOf())], {cwd: join(directory, 'app'), env});
  assert.deepEqual(JSON.parse(stdout), [1, 'from the archive', 403, 403]);

  const {stdout: usage} = await run(join(modules, '.bin/replicache-ext'), ['--help']);
  assert.match(usage, /^usage: replicache-ext SUBCOMMAND/);
  await assert.rejects(run(join(modules, '.bin/replicache-ext'), ['nothing']), ({code, stderr}) => code === 2 && stderr.includes('there is no subcommand "nothing"'));
});
