import {Replicache} from 'replicache';
import {$, showStatus} from '../page/elements.js';
import {connect, generation, online, puller, pusher} from '../page/sync.js';
import {render} from './view.js';

// What the server makes of these is in schema.sql. A message is pending until a pull brings it back without the mark.
const mutators = {
  createMessage: (tx, message) => tx.set(`message/${message.id}`, {...message, pending: true}),
  deleteMessage: (tx, {id}) => tx.del(`message/${id}`),
};

const rep = new Replicache({
  name: `chat ${generation}`,
  mutators,
  pusher: pusher(keepRejection),
  puller,
  pushDelay: 0,
  pullInterval: 60_000,
  requestOptions: {maxDelayMs: 5_000},
});

let messages = [];
let loaded = false;

rep.subscribe(tx => tx.scan({prefix: 'message/'}).values().toArray(), rows => {
  messages = rows.sort((a, b) => a.ord - b.ord || (a.id < b.id ? -1 : 1));
  loaded = true;
  update();
});

connect(rep, update);

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
  showStatus(online(), messages.filter(message => message.pending).length);
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
