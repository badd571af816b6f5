// What every page shows alike.

export const $ = selector => document.querySelector(selector);

export function h(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function avatar(name) {
  const initials = name.trim().split(/\s+/).map(word => [...word][0]).filter((_, i, all) => i === 0 || i === all.length - 1);
  let hue = 7;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
  const element = h('span', {className: 'avatar', ariaHidden: true}, initials.join('').toUpperCase());
  element.style.setProperty('--hue', hue);
  return element;
}

const controls = element => [...element.querySelectorAll('button, input, select')];

/** A function that makes `container` show items. Each has a key, what it is made from, and how. */
export function listing(container) {
  let shown = new Map();
  return items => {
    const next = new Map();
    for (const {key, from, make} of items) {
      const old = shown.get(key);
      next.set(key, old?.from === from ? old : {from, element: make()});
    }
    // Elements that stay are not touched, so that neither focus nor selection gets lost. One that is replaced hands on its focus.
    let focus;
    for (const [key, {element}] of shown) {
      const successor = next.get(key)?.element;
      if (successor === element) continue;
      if (successor) focus ??= controls(successor)[controls(element).indexOf(document.activeElement)];
      element.remove();
    }
    let position = container.firstChild;
    for (const {element} of next.values()) {
      if (element === position) position = position.nextSibling;
      else container.insertBefore(element, position);
    }
    shown = next;
    focus?.focus();
    return next.size;
  };
}

export function showUser(name) {
  $('#me').replaceChildren(...(name ? [avatar(name), h('span', {}, name)] : []));
}

export function showStatus(online, pending) {
  const status = $('#status');
  status.className = online ? 'online' : 'offline';
  status.textContent = online ? 'Online' : pending ? `Offline · ${pending} waiting` : 'Offline';
}

/** `entries` have come so far, or undefined: all have. How many there will be is not known. */
export function showProgress(entries) {
  $('#loading').hidden = entries === undefined;
  $('#loading span').textContent = `${entries} entries`;
}
