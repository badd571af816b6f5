import {createBuilder, createSchema, defineMutator, defineMutators, defineQueries, defineQuery, number, string, table, Zero} from '@rocicorp/zero';
import {$, showStatus} from '../page/elements.js';
import {render} from '../replicache/view.js';

const schema = createSchema({
  tables: [
    // A message is pending until the server's row comes, which says when it arrived.
    table('message').columns({id: string(), sender: string(), content: string(), ord: number(), arrived: number().optional()}).primaryKey('id'),
  ],
});

// What the server makes of these is in schema.sql.
const mutators = defineMutators({
  message: {
    create: defineMutator(({tx, args}) => tx.mutate.message.insert(args)),
    delete: defineMutator(({tx, args: {id}}) => tx.mutate.message.delete({id})),
  },
});

const newest = createBuilder(schema).message.orderBy('ord', 'desc').orderBy('id', 'desc');
const queries = defineQueries({
  message: {
    latest: defineQuery(({args: {limit}}) => newest.limit(limit)),
    search: defineQuery(({args: {text}}) => newest.where('content', 'ILIKE', `%${text.replace(/[\\%_]/g, '\\$&')}%`).limit(100)),
  },
});

// Who is asking? Other applications let their users log in; here, everyone is who this browser says.
const user = localStorage.getItem('user') ?? crypto.randomUUID();
localStorage.setItem('user', user);

const zero = new Zero({cacheURL: `http://${location.hostname}:4848`, schema, mutators, userID: user, auth: user});

navigator.serviceWorker?.register('sw.js');

let messages = [];
let loaded = false;
let view;

function show(query) {
  view?.destroy();
  view = zero.materialize(query);
  view.addListener((rows, state) => {
    messages = rows.map(row => ({...row, pending: row.arrived == null})).reverse();
    loaded = state === 'complete';
    update();
  });
}

$('#search').addEventListener('input', ({target: {value}}) => {
  const text = value.trim();
  show(text.length < 2 ? queries.message.latest({limit: 200}) : queries.message.search({text}));
});

// What was rejected stays, in every tab, until someone reads it.

const rejections = () => JSON.parse(localStorage.getItem('rejections') ?? '[]');

function keepRejections(list) {
  localStorage.setItem('rejections', JSON.stringify(list));
  update();
}

addEventListener('storage', update);

async function mutate(name, request) {
  const {client, server} = zero.mutate(request);
  const here = await client;
  const result = here.type === 'error' ? here : await server;
  // An error of Zero that comes later than `client` is one of the connection: the mutation is kept, and sent again.
  if (result.type !== 'error' || (result !== here && result.error.type === 'zero')) return;
  const {message, details} = result.error;
  keepRejections([...rejections(), {clientID: zero.clientID, id: crypto.randomUUID(), at: Date.now(), name, args: request.args, message, hint: details?.hint}]);
}

// The page

const {content} = $('#composer').elements;
const me = () => localStorage.getItem('name');

const actions = {
  remove: ({id}) => mutate('deleteMessage', mutators.message.delete({id})),
  dismiss: ({id}) => keepRejections(rejections().filter(rejected => rejected.id !== id)),
  edit(rejected) {
    actions.dismiss(rejected);
    content.value = rejected.args.content;
    content.dispatchEvent(new Event('input'));
    content.focus();
  },
};

function update() {
  render({me: me(), messages, rejections: rejections(), loaded}, actions);
  showStatus(zero.connection.state.current.name === 'connected', messages.filter(message => message.pending).length);
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
  mutate('createMessage', mutators.message.create({id: crypto.randomUUID(), sender: me(), content: text, ord}));
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

// After an answer that is an error, Zero waits until it is told to go on.
zero.connection.state.subscribe(({name}) => {
  if (name === 'error' || name === 'needs-auth') setTimeout(() => zero.connection.connect(), 2_000);
  update();
});
show(queries.message.latest({limit: 200}));
if (!me()) ask();
