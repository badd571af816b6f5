// npm test: a PostgreSQL of the PG_CONFIG under test, and node --test in namespaces of its own for network and processes.
// zero-cache listens on all interfaces, and cannot be told not to. The namespaces end with everything that runs in them.
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

const bin = execFileSync(process.env.PG_CONFIG ?? 'pg_config', ['--bindir'], {encoding: 'utf8'}).trim();
const parent = tmpdir().length > 60 ? '/tmp' : tmpdir();  // the path of a Unix socket has 107 bytes
const directory = mkdtempSync(join(parent, 'zero.'));
const asServer = {cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8'};
let server, tests;

/** PostgreSQL refuses to run as root. */
function leaveRoot() {
  if (process.getuid() !== 0) return;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map(line => line.split(':'));
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  Object.assign(asServer, {uid: Number(uid), gid: Number(gid)});
  chownSync(directory, asServer.uid, asServer.gid);
  chmodSync(directory, 0o755);
}

async function startServer() {
  const data = join(directory, 'data');
  const {status, stderr} = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--no-locale', '-E', 'UTF8'], asServer);
  if (status !== 0) throw new Error(`initdb: ${stderr}`);
  writeFileSync(join(data, 'postgresql.auto.conf'), `
    listen_addresses = ''
    unix_socket_directories = '${directory}'
    fsync = off
    wal_level = logical
    max_connections = 200
    max_wal_senders = 20
    max_replication_slots = 20
    log_line_prefix = '%m [%p] %d '
  `);
  // A child in this group of processes, so that it cannot be left behind.
  server = spawn(join(bin, 'postgres'), ['-D', data], {...asServer, stdio: ['ignore', 'ignore', 'pipe']});
  let log = '';
  server.stderr.setEncoding('utf8').on('data', text => (log += text));
  server.log = () => log;
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    if (server.exitCode !== null || Date.now() > deadline) throw new Error(`PostgreSQL does not start: ${log}`);
    if (/database system is ready to accept connections/.test(log)) return;
  }
}

/** The start of a command that runs another one in namespaces, or why there is none. */
function namespaces() {
  const loopback = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  const kinds = ['--net', '--pid', '--fork', '--kill-child', ...(process.getuid() === 0 ? [] : ['--map-root-user'])];
  const enter = ['unshare', ...kinds, ...loopback];
  const {status, error, stderr} = spawnSync(enter[0], [...enter.slice(1), 'true'], {encoding: 'utf8'});
  return status === 0 ? {enter} : {missing: `no network namespace to be had: ${error?.message ?? stderr.trim()}`};
}

async function end(child, signal) {
  if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(timer);
}

let ended;
function cleanUp() {
  return (ended ??= (async () => {
    await end(tests, 'SIGKILL');
    await end(server, 'SIGQUIT');
    rmSync(directory, {recursive: true, force: true});
  })());
}
for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]])
  process.on(signal, () => cleanUp().finally(() => process.exit(128 + number)));

let status = 1;
try {
  leaveRoot();
  await startServer();
  const {enter = [], missing} = namespaces();
  const files = process.argv.slice(2), limit = process.env.CHECK_LONG ? [] : ['--test-timeout=300000'];
  const command = [...enter, process.execPath, '--test', '--test-reporter=tap', '--test-concurrency=2', ...limit, ...files];
  const env = {...process.env, PGHOST: directory, PGPORT: '5432', PGUSER: 'postgres', PGDATABASE: 'postgres', ...(missing && {NO_NAMESPACES: missing})};
  tests = spawn(command[0], command.slice(1), {stdio: ['ignore', 'inherit', 'inherit'], env});
  [status] = await once(tests, 'exit');
  const crashes = server.log().split('\n').filter(line => /was terminated by signal|PANIC: |TRAP: /.test(line));
  if (crashes.length) {
    console.log(['not ok - the server crashed', ...crashes, '...', '# fail 1'].join('\n'));
    status = 1;
  }
  if (process.env.SERVER_LOG) writeFileSync(process.env.SERVER_LOG, server.log());
} finally {
  await cleanUp();
}
process.exitCode = status ?? 1;
