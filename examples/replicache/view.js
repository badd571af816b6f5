// From data to elements; knows nothing of Replicache.
import {$, avatar, h, listing, showUser} from '../page/elements.js';

const time = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit'});
const day = new Intl.DateTimeFormat(undefined, {weekday: 'long', day: 'numeric', month: 'long'});

function bubble(message, {mine, first, last}, actions) {
  const sent = new Date(message.ord);
  const state = message.pending ? 'Waiting' : 'Sent';
  const item = h('li', {className: 'message'},
    first && !mine ? h('span', {className: 'sender'}, message.sender) : '',
    h('p', {className: 'bubble', title: sent.toLocaleString()}, message.content),
    mine ? h('button', {type: 'button', className: 'remove', title: 'Delete', ariaLabel: 'Delete', onclick: () => actions.remove(message)}, '×') : '',
    last && !mine ? avatar(message.sender) : '',
    last ? h('footer', {},
      h('time', {dateTime: sent.toISOString()}, time.format(sent)),
      mine ? h('span', {className: 'state', role: 'img', ariaLabel: state, title: state}) : '') : '');
  for (const [name, on] of Object.entries({mine, first, last, pending: message.pending})) item.classList.toggle(name, Boolean(on));
  return item;
}

function rejection(rejected, actions) {
  const {name, args, message, hint} = rejected;
  const what = name === 'createMessage' ? 'Not sent' : 'Not deleted';
  return h('li', {className: 'rejection'},
    args?.content ? h('p', {className: 'bubble'}, args.content) : '',
    h('p', {className: 'reason', role: 'alert'}, h('strong', {}, `${what}: `), message, '. ', hint ?? ''),
    h('div', {className: 'choices'},
      args?.content ? h('button', {type: 'button', onclick: () => actions.edit(rejected)}, 'Edit') : '',
      h('button', {type: 'button', onclick: () => actions.dismiss(rejected)}, 'Dismiss')));
}

/** What the list consists of: a key, what it is made from, and how. */
function* items({me, messages, rejections}, actions) {
  const together = (a, b) =>
    a?.sender === b?.sender && a.pending === b.pending && b.ord - a.ord < 5 * 60_000 && sameDay(a, b);
  for (const [i, message] of messages.entries()) {
    const [previous, next] = [messages[i - 1], messages[i + 1]];
    if (!previous || !sameDay(previous, message)) {
      const name = dayName(message.ord);
      yield {key: `day/${name}`, from: name, make: () => h('li', {className: 'day'}, name)};
    }
    const place = {mine: message.sender === me, first: !together(previous, message), last: !together(message, next)};
    yield {key: message.id, from: JSON.stringify([message, place]), make: () => bubble(message, place, actions)};
  }
  for (const rejected of rejections)
    yield {key: `${rejected.clientID}/${rejected.id}`, from: '', make: () => rejection(rejected, actions)};
}

const sameDay = (a, b) => new Date(a.ord).toDateString() === new Date(b.ord).toDateString();

function dayName(ord) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(ord).setHours(0, 0, 0, 0)) / 86_400_000);
  return ['Today', 'Yesterday'][days] ?? day.format(ord);
}

const showMessages = listing($('#messages'));

export function render(data, actions) {
  const count = showMessages(items(data, actions));
  $('#empty').hidden = !data.loaded || count > 0;
  showUser(data.me);
}
