// Clients push to rooms on both shards and pull them, half of them through the router. Connections break, answers get lost, and rooms
// move from shard to shard and back. Then every mutation that was acknowledged must be on the shard of its room, once, and its client
// must have it, without a second complete pull.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import {statusOf} from 'replicache-ext';
import {end, query, router, shards} from './routing.mjs';

const clients = 8;
const stop = Date.now() + Number(process.env.LOAD_SECONDS ?? 3) * 1000;
const pool = new pg.Pool({connectionString: router, max: 4, connectionTimeoutMillis: 5_000});
pool.on('error', () => {});
const nameOf = number => `room/load ${number}`;

const acknowledged = []; // {space, content}
let retries = 0;
let completePulls = 0;
let done = false;

/** What is answered with 503: the client comes again. */
const isTemporary = error => !(error instanceof TypeError) && (statusOf(error) === 503 || /^PL\/Proxy/.test(error.message));

/** Asks until there is an answer. Some answers get lost, and a push that is halted has to come again. */
async function ask(number, call, ...values) {
  const send = number % 2 ? (...query) => pool.query(...query) : (...arguments_) => query(nameOf(number), ...arguments_);
  for (;; retries++) {
    try {
      const {rows: [{answer}]} = await send(`SELECT replicache.${call}($1, $2, $3) AS answer`, [...values, `user ${number}`, nameOf(number)]);
      assert.ok(!answer.error && !answer.rejected?.length && answer.halted?.reason !== 'outOfOrder', JSON.stringify(answer));
      if (!answer.halted && Math.random() > 0.1) return answer;
    } catch (error) {
      if (!isTemporary(error)) throw error;
    }
    await sleep(20 * Math.random());
  }
}

/** Returns what the client has in the end: key → value. */
async function client(number) {
  const view = new Map();
  const clientGroupID = `g${number}`;
  let cookie = null;
  for (let id = 1, last = false; !last;) {
    last = done;
    const count = 1 + Math.floor(Math.random() * 5);
    const mutations = Array.from({length: count}, (_, i) => ({clientID: `c${number}`, id: id + i, name: 'say', args: {content: `${number}.${id + i}`}}));
    await ask(number, 'apply_push', JSON.stringify({pushVersion: 1, clientGroupID, mutations}));
    acknowledged.push(...mutations.map(({args}) => ({number, space: nameOf(number), content: args.content})));
    id += count;
    const pulled = await ask(number, 'pull', JSON.stringify({pullVersion: 1, clientGroupID, cookie}));
    if (cookie !== null && pulled.patch[0]?.op === 'clear') completePulls++;
    cookie = pulled.cookie;
    for (const {op, key, value} of pulled.patch)
      if (op === 'put') view.set(key, value);
      else if (op === 'del') view.delete(key);
      else view.clear();
  }
  return new Set([...view.values()].map(({content}) => content));
}

/** Somebody who ends sessions of the role web, here and there. */
async function breakConnections(databases) {
  while (!done) {
    await sleep(100);
    const database = databases[Math.floor(Math.random() * databases.length)];
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web' ORDER BY random() LIMIT 1`);
  }
}

/** The shard that the directory names. */
const shardOf = async space => (await directory.query('SELECT shard.of_space($1) AS shard', [space])).rows[0].shard;

/** Moves a room of each kind of client to the other shard and back, and then others until the time is over. Returns the number of moves. */
async function move() {
  let moves = 0;
  for (let number = 0; number < 2 || Date.now() < stop; number = (number + 1) % clients)
    for (const _ of ['there', 'back']) {
      const space = nameOf(number);
      const tool = spawn(fileURLToPath(new URL('move', import.meta.url)), [String(1 - await shardOf(space)), space], {env: {...process.env, PGUSER: 'postgres'}, stdio: ['ignore', 'pipe', 'inherit']});
        tool.stdout.resume();
      const [status] = await once(tool, 'close');
      assert.equal(status, 0, `the move of ${space}`);
      moves++;
    }
  done = true;
  return moves;
}

const databases = [router, ...shards].map(url => new pg.Client({connectionString: url.replace('user=web', 'user=postgres')}));
for (const database of databases) await database.connect();
const [directory, ...owners] = databases;
const [moves, , ...views] = await Promise.all([move(), breakConnections(databases), ...Array.from({length: clients}, (_, i) => client(i))]);

const right = new Map(); // space → its shard
for (const {space} of acknowledged) if (!right.has(space)) right.set(space, await shardOf(space));
const found = new Map(); // content → the shards where it is
for (const [shard, owner] of owners.entries())
  for (const {content} of (await owner.query('SELECT content FROM message')).rows) found.set(content, [...found.get(content) ?? [], shard]);
const at = ({content}) => found.get(content) ?? [];
const lost = acknowledged.filter(it => !at(it).includes(right.get(it.space)) || !views[it.number].has(it.content)).length;
const twice = acknowledged.filter(it => at(it).length > 1).length;
const used = new Set([...found.values()].flat()).size;

console.log(`pushed ${acknowledged.length}, ${retries} retries, ${moves} moves, ${used} shards used`);
console.log(`moved, lost ${lost}, twice ${twice}, complete pulls ${completePulls}`);
await Promise.all([pool, {end}, ...databases].map(it => it.end()));
process.exit(lost || twice || completePulls || used < 2 || moves < 4 || !acknowledged.length ? 1 : 0);
