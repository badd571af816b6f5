// Runs code that a page of the documentation shows.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';

const root = new URL('../', import.meta.url);
const read = path => readFileSync(new URL(path, root), 'utf8');
const AsyncFunction = (async () => {}).constructor;

/** The first block of JavaScript after these words of a page. */
function codeAfter(page, words) {
  const text = read(page);
  const at = text.indexOf(words);
  const [, code] = /^```js\n([^]*?)\n```$/m.exec(at < 0 ? '' : text.slice(at)) ?? assert.fail(`${page} has no code after ${words}`);
  return code;
}

/**
 * Run the first block of JavaScript after these words of a page. `values` are what it takes from elsewhere, by name: they also stand
 * for what it imports. Gives what `result` is in the end.
 */
export async function example(page, words, values = {}, result = 'undefined') {
  const code = codeAfter(page, words).replace(/^import .*\n/gm, '');
  return new AsyncFunction(...Object.keys(values), `${code}\nreturn ${result};`)(...Object.values(values));
}

/** The blocks that tests run in this way. */
export function examplesOfTests() {
  const folders = ['node/test/', ...readdirSync(new URL('test/clients', root)).map(name => `test/clients/${name}/`)];
  const files = folders.flatMap(folder => readdirSync(new URL(folder, root)).filter(name => name.endsWith('.test.mjs')).map(name => folder + name));
  const calls = files.flatMap(file => [...read(file).matchAll(/\b(?:example|documented)\('([^']+)', '([^']+)'/g)]);
  return new Set(calls.map(([, page, words]) => codeAfter(page, words)));
}
