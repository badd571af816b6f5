// Runs the examples of README.md, node/README.md, examples/README.md, docs/*.md and docs/guides/*.md (or of the files named), each
// document in a fresh database of the server that the PG* variables name. One line of TAP per example. Without names, it also looks at links, and whether docs/reference.md is up to date.
//
//   ```sql          is run by psql. A ```text or ```json block right below it is what it must print: the aligned
//                   table, or values of JSON. In both, … stands for anything.
//   ```sql error    must fail, with the lines of the ```text block below it.
//   ```sh           with a ```text block right below it is run by bash in the root of the repository, and must print it.
//                   psql connects to the document's database there.
//   ```js           whose first line is "// server.mjs" is started with PORT, and must answer a push and a pull.
//   ```js           whose first line is "// examples/… .mjs" or "// test/… .ts" must be in that file, which another test runs.
//   ```js           otherwise must be one that a test runs, by test/example.mjs or in its own way.
//   ```yaml         whose queries, each below "query: |", are run by psql. Each must return a row.
//   <!-- setup …--> holds SQL that the reader need not see.

import {spawn, spawnSync, execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {isDeepStrictEqual} from 'node:util';
import {examplesOfTests} from './example.mjs';
import {deadLinks} from './links.mjs';
import {Psql, TIME_LIMIT} from './psql.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// The blocks of a document: {kind, line, code, expected?: {kind, text}}.
function examples(markdown) {
  const blocks = [];
  const lines = markdown.split('\n');
  let last = null; // the sql or sh block that a text or json block may belong to
  for (let i = 0; i < lines.length; i++) {
    const setup = /^<!-- setup\b(.*)$/.exec(lines[i]);
    const fence = /^(\s*)(```+)\s*(.*?)\s*$/.exec(lines[i]);
    if (setup) {
      const line = i + 1;
      let text = setup[1];
      while (!text.includes('-->') && i + 1 < lines.length) text += '\n' + lines[++i];
      blocks.push({kind: 'setup', line, code: text.replace(/-->[^]*/, '')});
      last = null;
    } else if (fence) {
      const [, indent, ticks, info] = fence;
      const line = i + 1;
      const body = [];
      while (++i < lines.length && lines[i].trim() !== ticks) {
        body.push(lines[i].startsWith(indent) ? lines[i].slice(indent.length) : lines[i]);
      }
      const code = body.join('\n');
      if (info === 'sql' || info === 'sql error') {
        last = {kind: info, line, code};
        blocks.push(last);
      } else if (info === 'sh') {
        last = {kind: info, line, code};
      } else {
        if (last?.kind === 'sh') {
          if (info === 'text') blocks.push({...last, expected: {kind: info, text: code}});
        } else if (last && (info === 'text' || info === 'json')) last.expected = {kind: info, text: code};
        else if (info === 'yaml') blocks.push({kind: 'yaml', line, code});
        else if (info === 'js' && /^\/\/ server\.mjs\b/.test(code)) blocks.push({kind: 'server', line, code});
        else if (info === 'js' && /^\/\/ (examples|test)\/.*\.m?[jt]s\n/.test(code)) blocks.push({kind: 'excerpt', line, code});
        else if (info === 'js') blocks.push({kind: 'js', line, code});
        last = null;
      }
    } else if (lines[i].trim()) {
      last = null;
    }
  }
  return blocks;
}

const trimmed = text => text.split('\n').map(line => line.trimEnd()).join('\n').trim();

// Whether a line or a text is as expected, where … stands for anything, so that widths do not count.
function matches(expected, actual) {
  if (!expected.includes('…')) return expected === actual;
  [expected, actual] = [expected, actual].map(text => text.replace(/[ -]*(-|\s)[ -]*/g, '$1'));
  const pattern = expected.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\\n]*');
  return new RegExp(`^${pattern}$`).test(actual);
}

function sameJson(expected, actual) {
  if (expected === '…') return true;
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return expected.length === actual.length && expected.every((value, i) => sameJson(value, actual[i]));
  }
  if (expected && actual && typeof expected === 'object' && typeof actual === 'object') {
    const keys = Object.keys(expected);
    return Array.isArray(expected) === Array.isArray(actual) &&
      isDeepStrictEqual(keys.sort(), Object.keys(actual).sort()) &&
      keys.every(key => sameJson(expected[key], actual[key]));
  }
  return expected === actual;
}

// One value, or one on each line.
function parseJson(text) {
  try {
    return [JSON.parse(text)];
  } catch {
    return text.split('\n').filter(line => line.trim()).map(line => JSON.parse(line));
  }
}

// What is wrong with an sql block, or null.
async function tryBlock(psql, {kind, code, expected}) {
  if (!/(;|\\g\w*[^\n]*)\s*(--[^\n]*)?\s*$/.test(code)) return 'the last statement has no semicolon';
  const mayFail = kind === 'sql error';
  const {ok, out, err} = await psql.run(code, {values: expected?.kind === 'json', mayFail});
  if (!ok) return err || 'psql ended';
  if (mayFail) {
    const actual = trimmed(err).split('\n');
    if (!actual.some(line => /^(ERROR|FATAL): /.test(line))) return 'no error was raised';
    if (expected?.kind !== 'text') return 'a text block with the error must follow';
    let at = 0;
    for (const line of trimmed(expected.text).split('\n')) {
      while (at < actual.length && !matches(line, actual[at])) at++;
      if (at++ >= actual.length) return `expected:\n${expected.text}\ngot:\n${err}`;
    }
    return null;
  }
  if (!expected) return null;
  if (expected.kind === 'text') {
    return matches(trimmed(expected.text), trimmed(out)) ? null : `expected:\n${expected.text}\ngot:\n${out}`;
  }
  try {
    if (sameJson(parseJson(expected.text), parseJson(out))) return null;
  } catch (error) {
    return `${error.message}\nexpected:\n${expected.text}\ngot:\n${out}`;
  }
  return `expected:\n${expected.text}\ngot:\n${out}`;
}

// What is wrong with a command, or null.
function tryShell(database, {code, expected}) {
  const env = {...process.env, PGDATABASE: database};
  const {status, stdout, stderr} = spawnSync('bash', ['-ec', code], {cwd: root, encoding: 'utf8', timeout: TIME_LIMIT, env});
  if (status !== 0) return stderr || `the command ended with ${status}`;
  return matches(trimmed(expected.text), trimmed(stdout)) ? null : `expected:\n${expected.text}\ngot:\n${stdout}`;
}

// What is wrong with the queries of an exporter, or null.
async function tryQueries(psql, code) {
  const queries = [...code.matchAll(/^( *)query: \|\n((?:\1 +.*\n?)+)/gm)].map(match => match[2].trim());
  if (queries.length === 0) return 'there is no query';
  for (const query of queries) {
    const {ok, out, err} = await psql.run(`${query};`, {values: true});
    if (!ok) return err;
    if (!out.trim()) return `no row: ${query}`;
  }
  return null;
}

// What is wrong with lines of an example, or null.
function tryExcerpt(code) {
  const [, file, lines] = /^\/\/ (.*)\n([^]*)$/.exec(code);
  return readFileSync(join(root, file), 'utf8').includes(lines) ? null : `${file} has other lines`;
}

// Pages with code that these tests run in their own way.
const ownWay = {'docs/pages.md': 'test/clients/replicache/pages.test.mjs'};
const ofTests = examplesOfTests();

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

// What is wrong with a server, or null.
async function tryServer(database, code) {
  const directory = mkdtempSync(join(tmpdir(), 'replicache-docs.'));
  writeFileSync(join(directory, 'server.mjs'), code);
  symlinkSync(join(root, 'examples/replicache/node_modules'), join(directory, 'node_modules'));
  const port = await freePort();
  const env = {...process.env, PORT: String(port), PGDATABASE: database};
  const server = spawn(process.execPath, ['server.mjs'], {cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe']});
  let log = '';
  let ended = false;
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', text => (log += text));
  const exit = new Promise(resolve => server.once('close', resolve)).then(() => (ended = true));
  const paths = [...code.matchAll(/['"`](\/[\w/-]*)['"`]/g)].map(match => match[1]);
  const path = what => paths.find(candidate => candidate.endsWith(what)) ?? `/${what}`;
  const post = async (what, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path(what)}`, {
      method: 'POST', headers: {'content-type': 'application/json', 'authorization': 'Bearer docs'},
      body: JSON.stringify({profileID: 'p1', clientGroupID: 'docs-group', schemaVersion: '', ...body}),
      signal: AbortSignal.timeout(TIME_LIMIT)});
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${what} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  };
  try {
    const deadline = Date.now() + TIME_LIMIT;
    for (;;) {
      if (ended) return `the server ended\n${log}`;
      if (await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)) break;
      if (Date.now() > deadline) return `the server does not listen on PORT\n${log}`;
      await sleep(50);
    }
    const mutation = {clientID: 'docs-client', id: 1, name: 'noSuchMutator', args: {}, timestamp: 0};
    await post('push', {pushVersion: 1, mutations: [mutation]});
    const pulled = await post('pull', {pullVersion: 1, cookie: null});
    if (!Array.isArray(pulled.patch) || pulled.lastMutationIDChanges?.['docs-client'] !== 1) {
      return `pull answered ${JSON.stringify(pulled)}`;
    }
    return null;
  } catch (error) {
    return `${error.message}\n${log}`;
  } finally {
    server.kill('SIGKILL');
    await exit;
    rmSync(directory, {recursive: true, force: true});
  }
}

function admin(sql) {
  const env = {...process.env, PGOPTIONS: '-c client_min_messages=warning'};
  const options = ['-XAtq', '-d', 'postgres', '-v', 'ON_ERROR_STOP=1', '-c', sql];
  return execFileSync('psql', options, {encoding: 'utf8', env}).trim();
}

const roles = () => admin('SELECT quote_ident(rolname) FROM pg_roles').split('\n');

let number = 0;
let broken = 0;

function report(where, problem) {
  console.log(`${problem === null ? 'ok' : 'not ok'} ${++number} - ${where}`);
  if (problem === null) return;
  broken++;
  console.log(problem.trimEnd().replace(/^/gm, '    '));
}

async function runDocument(path, name) {
  const database = `docs_${basename(path, '.md').toLowerCase().replace(/\W/g, '_')}`;
  admin(`DROP DATABASE IF EXISTS ${database}`);
  admin(`CREATE DATABASE ${database}`);
  const before = roles();
  const psql = new Psql(database);
  for (const block of examples(readFileSync(path, 'utf8'))) {
    const where = `${name}:${block.line} ${block.kind}`;
    if (block.kind === 'server') {
      report(where, await tryServer(database, block.code));
    } else if (block.kind === 'excerpt') {
      report(where, tryExcerpt(block.code));
    } else if (block.kind === 'js') {
      report(where, ownWay[name] || ofTests.has(block.code) ? null : 'no test runs this');
    } else if (block.kind === 'setup') {
      const {ok, err} = await psql.run(block.code);
      if (!ok) report(where, err);
    } else if (block.kind === 'yaml') {
      report(where, await tryQueries(psql, block.code));
    } else if (block.kind === 'sh') {
      report(where, tryShell(database, block));
    } else {
      report(where, await tryBlock(psql, block));
    }
  }
  await psql.end();
  admin(`DROP DATABASE ${database} WITH (FORCE)`);
  for (const role of roles()) if (!before.includes(role)) admin(`DROP ROLE ${role}`);
}

let documents = process.argv.slice(2);
if (documents.length === 0) {
  report('links', deadLinks(root).join('\n') || null);
  const reference = spawnSync(process.execPath, [join(root, 'docs/reference.mjs'), '--check'], {encoding: 'utf8'});
  report('docs/reference.md', reference.status === 0 ? null : reference.stderr);
  documents = ['README.md', 'node/README.md', 'examples/README.md'];
  for (const folder of ['docs', 'docs/guides']) {
    documents.push(...readdirSync(join(root, folder)).filter(f => f.endsWith('.md')).sort().map(f => `${folder}/${f}`));
  }
}
for (const name of documents) {
  const path = process.argv.length > 2 ? name : join(root, name);
  if (existsSync(path)) await runDocument(path, name);
  else report(name, 'there is no such file');
}
console.log(`1..${number}`);
process.exitCode = broken ? 1 : 0;
