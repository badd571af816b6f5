import {Replicache} from 'replicache';
import {$, showProgress, showStatus} from '../page/elements.js';
import {connect, generation, loading, online, puller, pusher} from '../page/sync.js';
import {render} from './view.js';

// Names are in lower case, so that Ann shares with ben and Ben with ann.
const [, user] = /(?:^|; )user=([\w-]+)/.exec(document.cookie) ?? [];
const pending = true;

// The server decides who may do what: schema.sql. Here everything succeeds, until a pull takes it back.
const mutators = {
  async createList(tx, {id, name}) {
    await tx.set(`list/${id}`, {id, name, owner: user, pending});
    await tx.set(`share/${id}/${user}`, {list_id: id, user_id: user, role: 'owner', owner: user, pending});
  },
  deleteList: (tx, {id}) => tx.del(`list/${id}`),
  shareList: (tx, share) => tx.set(`share/${share.list_id}/${share.user_id}`, {...share, owner: user, pending}),
  unshareList: (tx, {list_id, user_id}) => tx.del(`share/${list_id}/${user_id}`),
  createTodo: (tx, todo) => tx.set(`todo/${todo.id}`, {...todo, done: false, pending}),
  async tickTodo(tx, {id, done}) {
    const todo = await tx.get(`todo/${id}`);
    if (todo) await tx.set(`todo/${id}`, {...todo, done, pending});
  },
  deleteTodo: (tx, {id}) => tx.del(`todo/${id}`),
};

let data = {lists: [], shares: [], todos: [], errors: []};
const values = (tx, prefix) => tx.scan({prefix}).values().toArray();

// Each user has data of their own in this browser.
const rep = user && new Replicache({
  name: `todo ${user} ${generation}`,
  mutators,
  pusher: pusher(),
  puller,
  pushDelay: 0,
  pullInterval: 60_000,
  requestOptions: {maxDelayMs: 5_000},
});

rep?.subscribe(async tx => ({
  lists: await values(tx, 'list/'),
  shares: await values(tx, 'share/'),
  todos: await values(tx, 'todo/'),
  errors: (await tx.scan({prefix: 'error/'}).entries().toArray()).map(([key, error]) => ({...error, key})),
}), read => {
  data = {...read, loaded: true};
  update();
});

if (rep) connect(rep, update);

// Rejected mutations come with each pull, to every browser of the user. A browser remembers which of them were read in it.

const dismissed = () => JSON.parse(localStorage.getItem('dismissed') ?? '[]');

// The page

const chosen = () => data.lists.find(({id}) => id === location.hash.slice(1));

const actions = {
  choose: ({id}) => location.hash = id,
  tick: ({id, list_id}, done) => rep.mutate.tickTodo({id, list_id, done}),
  remove: ({id, list_id}) => rep.mutate.deleteTodo({id, list_id}),
  share: ({list_id, user_id}, role) => rep.mutate.shareList({list_id, user_id, role}),
  unshare: ({list_id, user_id}) => rep.mutate.unshareList({list_id, user_id}),
  dismiss({key}) {
    localStorage.setItem('dismissed', JSON.stringify([...dismissed(), key]));
    update();
  },
};

function update() {
  const errors = data.errors.filter(({key}) => !dismissed().includes(key));
  render({...data, user, errors, list: chosen()}, actions);
  showStatus(rep && online(), [...data.lists, ...data.shares, ...data.todos].filter(row => row.pending).length);
  showProgress(loading());
}

addEventListener('hashchange', update);
addEventListener('storage', ({key}) => key === 'user' ? location.reload() : update());

/** Do something with what was written into a form, and empty it. */
function onSubmit(form, submit) {
  $(form).addEventListener('submit', event => {
    event.preventDefault();
    submit($(form).elements);
    $(form).reset();
  });
}

onSubmit('#new-list', ({name}) => {
  const id = crypto.randomUUID();
  rep.mutate.createList({id, name: name.value.trim()}).then(() => actions.choose({id}));
});
onSubmit('#new-todo', ({text}) => rep.mutate.createTodo({id: crypto.randomUUID(), list_id: chosen().id, text: text.value.trim(), ord: Date.now()}));
onSubmit('#share', ({user, role}) => actions.share({list_id: chosen().id, user_id: user.value.trim().toLowerCase()}, role.value));
$('#delete-list').addEventListener('click', () => rep.mutate.deleteList({id: chosen().id}));

$('#who').addEventListener('cancel', event => user || event.preventDefault());
onSubmit('#who form', ({name}) => {
  const next = name.value.trim().toLowerCase();
  document.cookie = `user=${next}; max-age=31536000; samesite=lax`;
  localStorage.setItem('user', next); // tells the other tabs
  location.reload();
});
$('#me').addEventListener('click', () => $('#who').showModal());
if (!user) $('#who').showModal();
update();
