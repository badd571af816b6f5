// examples/README.md shows what the servers of the examples answer.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {has, shown} from '../../shown.mjs';
import {Server} from './servers.mjs';

const ports = {'examples/powersync': 8788, 'examples/last_mutation_at': 8789};

/** What a command of curl asks for. */
function request(command) {
  const [, url, rest] = /^curl '?(http[^' ]*)'? ([^]*)$/.exec(command);
  const values = option => Array.from(rest.matchAll(new RegExp(`-${option} '([^']*)'`, 'g')), ([, value]) => value);
  return {url: new URL(url), headers: Object.fromEntries(values('H').map(header => header.split(': '))), body: values('d')[0]};
}

const requests = shown().filter(({command}) => command.startsWith('curl ')).map(block => ({...block, ...request(block.command)}));

Object.entries(ports).forEach(([title, port], number) => test(`${title} answers what examples/README.md shows`, async () => {
  const own = requests.filter(({url}) => Number(url.port) === port);
  assert.ok(own.length > 0);
  const server = await Server.start(title, `shown_${number}`);
  try {
    for (const {command, url, headers, body, output} of own) {
      const response = await fetch(server.url + url.pathname + url.search, {method: 'POST', headers, body});
      const text = await response.text();
      assert.ok(has(text, output), `${command}\nhas answered ${text}`);
    }
  } finally {
    await server.drop();
  }
}));
