// load.mjs URL: clients of the chat, which push and pull until SIGTERM, and a page, which pulls when it is poked. Then it looks what became of all that was acknowledged.
// DATABASE is the connection string of a superuser.
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import {servers} from './servers.mjs';

const [url] = process.argv.slice(2);
const faults = [];
let stopped = false;
let longest = 0; // milliseconds between two acknowledgements
let before = Date.now();

/** The answer, or undefined: then nobody knows whether the request came through, and it has to be sent again. */
async function post(path, client, body) {
  try {
    const answer = await fetch(new URL(path, url), {
      method: 'POST', headers: {'Content-Type': 'application/json', 'Cookie': `user=${client}`}, signal: AbortSignal.timeout(10_000),
      body: JSON.stringify({profileID: client, clientGroupID: client, schemaVersion: '', ...body})});
    if (answer.ok) return await answer.json();
    if (answer.status !== 503) faults.push(`${path}: ${answer.status} ${await answer.text()}`);
  } catch {}
  await sleep(100);
}

/** Pushes one message after another, each until it is acknowledged, and pulls in between. Returns how many were acknowledged. */
async function client(name, news) {
  let acknowledged = 0, cookie = null, seen = 0;
  while (!stopped) {
    const id = acknowledged + 1;
    const args = {id: `${name}-${id}`, sender: name, content: `number ${id}`, ord: Date.now()};
    const mutations = [{clientID: name, id, name: 'createMessage', args, timestamp: 0}];
    const answer = await post('/api/push', name, {pushVersion: 1, mutations});
    if (answer?.rejected?.length || answer?.error) faults.push(`push: ${JSON.stringify(answer)}`);
    if (answer) {
      acknowledged = id;
      news.id = args.id;
      longest = Math.max(longest, Date.now() - before);
      before = Date.now();
    }
    const pulled = await post('/api/pull', name, {pullVersion: 1, cookie});
    if (!pulled) continue;
    const confirmed = pulled.lastMutationIDChanges?.[name] ?? seen;
    if (pulled.error || confirmed < seen || pulled.cookie.order < cookie?.order) faults.push(`pull: ${JSON.stringify(pulled).slice(0, 200)}`);
    cookie = pulled.cookie;
    seen = confirmed;
  }
  return acknowledged;
}

/** Holds what a page holds that pulls when it is poked, and at no other time. */
async function page(name, messages) {
  let cookie = null;
  const stream = await fetch(new URL('/api/poke', url), {headers: {Cookie: `user=${name}`}});
  for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
    if (!chunk.includes('data:')) continue;
    let pulled;
    while (!pulled) pulled = await post('/api/pull', name, {pullVersion: 1, cookie});
    cookie = pulled.cookie;
    for (const {op, value} of pulled.patch) if (op === 'put') messages.add(value.id);
  }
}

const messages = new Set();
page(`page-${process.pid}`, messages);
const names = ['ada', 'ben', 'eve', 'joe'].map(name => `${name}-${process.pid}`);
const news = {}; // the id of the last message that was acknowledged
const clients = names.map(name => client(name, news));
await once(process, 'SIGTERM');

// While the others go on, the page hears of what is new.
const {id} = news;
for (let i = 0; i < 200 && !messages.has(id); i++) await sleep(100);
if (!messages.has(id)) faults.push('the page hears nothing');
stopped = true;
const counts = await Promise.all(clients);
const {query} = servers(process.env.DATABASE, 'primary', {max: 1});
const acknowledged = counts.flatMap((count, i) => Array.from({length: count}, (_, n) => `${names[i]}-${n + 1}`));
const missed = () => acknowledged.filter(id => !messages.has(id)).length;
for (let i = 0; i < 100 && missed() > 0; i++) await sleep(100);
if (missed() > 0) faults.push(`pokes: the page misses ${missed()} messages`);
const values = [acknowledged];
const {rows: [{lost}]} = await query({text: 'SELECT count(*) AS lost FROM unnest($1::text[]) id WHERE id NOT IN (SELECT id FROM message)', values});
// The primary key refuses a message that comes twice, and the refusal is on record.
const {rows: [{twice}]} = await query({text: `SELECT count(*) AS twice FROM replicache.mutation_error WHERE args ->> 'id' = ANY ($1)`, values});
for (const fault of faults.slice(0, 10)) console.log(`fault: ${fault}`);
console.log(`The longest time without an acknowledgement was ${(longest / 1000).toFixed(1)} s.`);
console.log(`acknowledged ${acknowledged.length}, lost ${lost}, twice ${twice}`);
process.exit(faults.length || lost > 0 || twice > 0 || acknowledged.length === 0 ? 1 : 0);
