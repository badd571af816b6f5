// What a push costs, one after the other on one connection: sent to the shard, to the router, or where the backend thinks the space is.
import {readFile} from 'node:fs/promises';
import pg from 'pg';
import {end, poolOf, router, shards} from './routing.mjs';

const rounds = 7, pushes = 1000;
const apply = 'SELECT replicache.apply_push($1, $2, $3)::text'; // not prepared, as in the README's server
const pools = [router, ...shards].map(connectionString => new pg.Pool({connectionString, max: 1}));
const rooms = Array.from({length: 16}, (_, i) => `room/${i}`);
const places = new Map();
for (const room of rooms) places.set(room, (await pools[0].query('SELECT shard.of_space($1)', [room])).rows[0].of_space);

const ways = {
  direct: space => pools[1 + places.get(space)],
  router: () => pools[0],
  backend: poolOf,
};

// CPU time of all sessions of the role web, in microseconds.
async function cpu() {
  let sum = 0;
  for (const pool of pools)
    for (const {pid} of (await pool.query(`SELECT pid FROM pg_stat_activity WHERE usename = 'web'`)).rows)
      sum += Number((await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')[0]) / 1000;
  return sum;
}

const median = list => list.sort((a, b) => a - b)[list.length >> 1];
const figures = Object.fromEntries(Object.keys(ways).map(way => [way, {latency: [], servers: [], node: []}]));
for (let round = -1; round < rounds; round++) {
  for (const [way, pool] of Object.entries(ways)) {
    const group = `${way} ${round}`, latency = [];
    const bodies = Array.from({length: pushes}, (_, i) => JSON.stringify({pushVersion: 1, clientGroupID: `${group} ${i % 16}`, mutations: [
      {clientID: `${group} ${i % 16}`, id: 1 + (i >> 4), name: 'say', args: {content: 'a message of some length, as people write them to each other'}}]}));
    const before = await cpu(), node = process.cpuUsage();
    for (const [i, body] of bodies.entries()) {
      const start = process.hrtime.bigint();
      await (await pool(rooms[i % 16])).query(apply, [body, 'ann', rooms[i % 16]]);
      latency.push(Number(process.hrtime.bigint() - start) / 1000);
    }
    const {user, system} = process.cpuUsage(node);
    if (round < 0) continue; // to warm up
    figures[way].latency.push(median(latency));
    figures[way].servers.push((await cpu() - before) / pushes);
    figures[way].node.push((user + system) / pushes);
  }
}
console.log(`| a push of one mutation, in µs | latency | CPU of PostgreSQL's sessions | CPU of Node |\n|---|---|---|---|`);
for (const [way, {latency, servers, node}] of Object.entries(figures))
  console.log(`| ${way} | ${[latency, servers, node].map(list => Math.round(median(list))).join(' | ')} |`);
await Promise.all([...pools.map(pool => pool.end()), end()]);
