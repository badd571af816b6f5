// From data to elements; knows nothing of Replicache.
import {$, avatar, h, listing, showUser} from '../page/elements.js';

const showLists = listing($('#lists'));
const showTodos = listing($('#todos'));
const showShares = listing($('#shares'));
const showRejections = listing($('#rejections'));

const by = (...columns) => (a, b) => {
  const column = columns.find(column => a[column] !== b[column]);
  return column === undefined ? 0 : a[column] < b[column] ? -1 : 1;
};

const remove = (label, onclick) => h('button', {type: 'button', className: 'remove', title: label, ariaLabel: label, onclick}, '×');

/** An item of a list, for `listing`. */
function item(key, row, state, make) {
  const marked = () => {
    const element = make();
    for (const [name, on] of Object.entries({...state, pending: row.pending})) element.classList.toggle(name, Boolean(on));
    return element;
  };
  return {key, from: JSON.stringify([row, state]), make: marked};
}

const listItem = (list, state, actions) => item(list.id, list, state, () => h('li', {className: 'list'},
  h('button', {type: 'button', onclick: () => actions.choose(list)}, list.name, state.mine ? '' : h('small', {}, ` by ${list.owner}`))));

const todoItem = (todo, actions) => item(todo.id, todo, {done: todo.done}, () => h('li', {className: 'todo'},
  h('label', {}, h('input', {type: 'checkbox', checked: todo.done, onchange: event => actions.tick(todo, event.target.checked)}), h('span', {}, todo.text)),
  remove('Delete', () => actions.remove(todo))));

const shareItem = (share, actions) => item(share.user_id, share, {}, () => {
  const role = h('select', {ariaLabel: `Role of ${share.user_id}`, onchange: event => actions.share(share, event.target.value)},
    ...['viewer', 'editor'].map(value => h('option', {selected: value === share.role}, value)));
  return h('li', {className: 'share'}, avatar(share.user_id), h('span', {}, share.user_id), role, remove(`Revoke ${share.user_id}`, () => actions.unshare(share)));
});

const failures = {
  createList: 'The list was not created', deleteList: 'The list was not deleted',
  shareList: 'The list was not shared', unshareList: 'The list is still shared',
  createTodo: 'Not added', tickTodo: 'Not ticked', deleteTodo: 'Not deleted',
};

const rejection = (error, what, actions) => item(error.key, error, {what}, () => h('li', {className: 'rejection'},
  what ? h('p', {className: 'bubble'}, what) : '',
  h('p', {className: 'reason', role: 'alert'}, h('strong', {}, `${failures[error.name] ?? error.name}: `), error.message),
  h('div', {className: 'choices'}, h('button', {type: 'button', onclick: () => actions.dismiss(error)}, 'Dismiss'))));

export function render({user, list, lists, shares, todos, errors, loaded}, actions) {
  showUser(user);
  showLists(lists.sort(by('name', 'id')).map(each => listItem(each, {chosen: each === list, mine: each.owner === user}, actions)));
  $('#list').hidden = !list;
  $('#empty').hidden = !loaded || Boolean(list);
  // What was rejected, as far as it is known: a to-do of a list that was revoked is not here any more.
  const subject = ({args}) => args?.text ?? args?.name ?? todos.find(({id}) => id === args?.id)?.text;
  showRejections(errors.sort(by('id')).map(error => rejection(error, subject(error), actions)));

  const inList = rows => rows.filter(row => row.list_id === list?.id);
  showTodos(inList(todos).sort(by('ord', 'id')).map(todo => todoItem(todo, actions)));
  showShares(inList(shares).filter(({role}) => role !== 'owner').sort(by('user_id')).map(share => shareItem(share, actions)));
  // A viewer may try to change something, so that you see how the database refuses. Your page should not offer it.
  const role = inList(shares).find(({user_id}) => user_id === user)?.role ?? '';
  $('#title').textContent = list?.name ?? '';
  $('#role').textContent = role && (role === 'owner' ? '' : `You are ${role}`);
  $('#sharing').hidden = role !== 'owner';
}
