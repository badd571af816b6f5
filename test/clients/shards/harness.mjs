// The servers of examples/cluster/shards, started by its script.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {after} from 'node:test';
import pg from 'pg';

export const example = new URL('../../../examples/cluster/shards/', import.meta.url);
const names = ['ROUTER', 'SHARDS', 'SERVERS', 'BIN', 'SERVER_USER'];

/** Why there are no servers, if there are none. */
export let skip;

const command = `for (const name of ${JSON.stringify(names)}) console.log(name + '=' + process.env[name]); setInterval(() => {}, 1000)`;
const servers = spawn(fileURLToPath(new URL('run', example)), ['node', '-e', command], {stdio: ['ignore', 'pipe', 'inherit']});
let output = '';
servers.stdout.setEncoding('utf8');
const ended = once(servers, 'exit');
const started = new Promise(resolve => servers.stdout.on('data', text => /^SERVER_USER=.*\n/m.test((output += text)) && resolve()));
await Promise.race([started, ended]);
if (servers.exitCode === 77) skip = output.trim();
else if (servers.exitCode !== null) throw new Error('the servers do not start');
for (const [, name, value] of output.matchAll(/^(\w+)=(.*)$/gm)) process.env[name] = value;

/** The end of all that is given to `closing`, and of the servers. */
const things = [];
export function closing(thing) {
  things.push(thing);
  return thing;
}
after(async () => {
  for (const thing of things.reverse()) await thing.end();
  if (servers.exitCode === null) servers.kill();
  await ended;
});

/** Stops or starts a shard. */
export async function control(shard, ...action) {
  const {SERVERS, BIN, SERVER_USER} = process.env;
  const pgCtl = [`${BIN}/pg_ctl`, '-D', `${SERVERS}/shard${shard}`, '-l', `${SERVERS}/shard${shard}.log`, '-w', '-t', '120', ...action];
  const [program, ...rest] = process.getuid() === 0 ? ['runuser', '-u', SERVER_USER, '--', ...pgCtl] : pgCtl;
  const [status] = await once(spawn(program, rest, {stdio: 'ignore'}), 'exit');
  if (status !== 0) throw new Error(`pg_ctl ${action.join(' ')}: ${status}`);
}

/** A pool of sessions of this role. */
export function pool(url = '', user = 'web') {
  const made = closing(new pg.Pool({connectionString: url.replace('user=web', `user=${user}`), max: 4}));
  made.on('error', () => {});
  return made;
}

/** The move of the example, by make or by its script. Resolves to its status and to what it has printed. */
export async function run(program, args, env) {
  const child = spawn(program, args, {cwd: fileURLToPath(example), env: {...process.env, PGUSER: 'postgres', ...env}, stdio: ['ignore', 'pipe', 'pipe']});
  const printed = {out: '', err: ''};
  child.stdout.setEncoding('utf8').on('data', text => (printed.out += text));
  child.stderr.setEncoding('utf8').on('data', text => (printed.err += text));
  const [status] = await once(child, 'close');
  return {status, ...printed};
}
