import {Replicache} from 'replicache';
import {render, showStatus} from './view.js';

// What the server makes of these is in schema.sql. A message is pending until a pull brings it back without the mark.
const mutators = {
  createMessage: (tx, message) => tx.set(`message/${message.id}`, {...message, pending: true}),
  deleteMessage: (tx, {id}) => tx.del(`message/${id}`),
};

// When this browser's data began: see startAfresh.
const generation = Number(localStorage.getItem('generation'));

const rep = new Replicache({
  name: `chat ${generation}`,
  mutators,
  pusher,
  puller,
  pushDelay: 0,
  pullInterval: 60_000,
  requestOptions: {maxDelayMs: 5_000},
});

let messages = [];
let loaded = false;
let connected = false;

rep.subscribe(tx => tx.scan({prefix: 'message/'}).values().toArray(), rows => {
  messages = rows.sort((a, b) => a.ord - b.ord || (a.id < b.id ? -1 : 1));
  loaded = true;
  update();
});

// Requests

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(body),
  });
  const answer = response.ok ? await response.json() : undefined;
  const unknown = response.status === 403 || answer?.error === 'ClientStateNotFound';
  if (unknown && body.clientGroupID === await rep.clientGroupID) startAfresh();
  const errorMessage = response.ok ? '' : await response.text();
  return {answer, httpRequestInfo: {httpStatusCode: response.status, errorMessage}};
}

async function puller(body) {
  const {answer, httpRequestInfo} = await post('/api/pull', body);
  return {response: answer, httpRequestInfo};
}

async function pusher(body) {
  const {answer, httpRequestInfo} = await post('/api/push', body);
  // Replicache takes a mutation back without a word about it; the reason is in the answer to the push.
  for (const rejected of answer?.rejected ?? []) {
    const {args} = body.mutations.find(({clientID, id}) => clientID === rejected.clientID && id === rejected.id);
    keepRejection({...rejected, args});
  }
  return {response: answer?.error ? answer : undefined, httpRequestInfo};
}

// The server does not know this browser's data (any more), or will not have them. A reload is not enough: Replicache would
// go on from the same data, and from the cookie that the server refused. So the next one has another name.
function startAfresh() {
  if (Date.now() - generation < 60_000) return;
  if (Number(localStorage.getItem('generation')) === generation) localStorage.setItem('generation', Date.now());
  location.reload();
}

// Pokes

function listen() {
  const pokes = new EventSource('/api/poke');
  pokes.onmessage = () => rep.pull().catch(() => {});
  pokes.onopen = () => reconnect(true);
  pokes.onerror = () => {
    connected = false;
    update();
    if (pokes.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 2_000);
  };
}

function reconnect(state) {
  connected = state;
  rep.push({now: true}).catch(() => {});
  rep.pull({now: true}).catch(() => {});
  update();
}

listen();
rep.onOnlineChange = update;
addEventListener('offline', update);
addEventListener('online', () => reconnect(connected));
navigator.serviceWorker?.register('sw.js');

// What was rejected stays, in every tab, until someone reads it.

const rejections = () => JSON.parse(localStorage.getItem('rejections') ?? '[]');

function keepRejections(list) {
  localStorage.setItem('rejections', JSON.stringify(list));
  update();
}

function keepRejection(rejected) {
  const same = other => other.clientID === rejected.clientID && other.id === rejected.id;
  keepRejections([...rejections().filter(other => !same(other)), {...rejected, at: Date.now()}]);
}

addEventListener('storage', update);

// The page

const $ = selector => document.querySelector(selector);
const {content} = $('#composer').elements;
const me = () => localStorage.getItem('name');

const actions = {
  remove: ({id}) => rep.mutate.deleteMessage({id}),
  dismiss: ({clientID, id}) => keepRejections(rejections().filter(r => r.clientID !== clientID || r.id !== id)),
  edit(rejected) {
    actions.dismiss(rejected);
    content.value = rejected.args.content;
    content.dispatchEvent(new Event('input'));
    content.focus();
  },
};

function update() {
  render({me: me(), messages, rejections: rejections(), loaded}, actions);
  showStatus(navigator.onLine && rep.online && connected, messages.filter(message => message.pending).length);
}

content.addEventListener('input', () => {
  const {length} = content.value;
  $('#composer output').value = length > 400 ? 500 - length : '';
  $('#composer').classList.toggle('long', length > 500);
});

content.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('#composer').requestSubmit();
});

$('#composer').addEventListener('submit', event => {
  event.preventDefault();
  const text = content.value.trim();
  if (!text || !me()) return;
  const ord = Math.max(Date.now(), (messages.at(-1)?.ord ?? 0) + 1);
  rep.mutate.createMessage({id: crypto.randomUUID(), sender: me(), content: text, ord});
  content.value = '';
  content.dispatchEvent(new Event('input'));
  $('main').scrollTop = 0;
});

const who = $('#who');
const {name} = who.querySelector('form').elements;

function ask() {
  name.value = me() ?? '';
  who.showModal();
}

who.addEventListener('cancel', event => me() || event.preventDefault());
who.querySelector('form').addEventListener('submit', event => {
  if (!name.value.trim()) return event.preventDefault();
  localStorage.setItem('name', name.value.trim());
  update();
  content.focus();
});
$('#me').addEventListener('click', ask);
if (!me()) ask();
update();
