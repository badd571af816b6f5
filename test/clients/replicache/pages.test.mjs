// The pullers of docs/pages.md with the real client.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {converge, eventually, scenario, view} from './harness.mjs';

const document = await readFile(new URL('../../../docs/pages.md', import.meta.url), 'utf8');
const [following, collecting] = document.match(/^async function puller[^]*?^}$/gm);

/** Open a client. While it gets its pages, rows change, and it makes a mutation. Gives how many entries it has shown before it had all. */
async function sync({database, backend, open}, code) {
  await database.rows(`ALTER DATABASE ${database.name} SET replicache.page_size = '1kB'`);
  await database.rows(`INSERT INTO note SELECT 'n' || n, repeat('x', 100), 0 FROM generate_series(10, 49) n`);
  const shown = new Set();
  let puller;
  const rep = open({puller: body => puller(body)});
  puller = Function('rep', 'pull', `${code} return puller`)(rep, backend.puller);
  rep.subscribe(tx => tx.scan().keys().toArray(), keys => shown.add(keys.length));
  backend.after = async (kind, body, answer) => {
    if (kind !== 'pull' || body.cookie?.order !== 1) return;
    for (const some of [`'n10', 'n11'`, `'n48', 'n49'`]) {
      const [changed, deleted] = some.split(', ');
      await database.rows(`UPDATE note SET body = 'changed' WHERE id = ${changed}`);
      await database.rows(`DELETE FROM note WHERE id = ${deleted}`);
    }
    await rep.mutate.countUp({id: 'n20'});
  };
  await eventually(async () => assert.deepEqual(await view(rep), await database.truth()));
  assert.ok(backend.pulls.filter(({answer}) => answer?.more).length > 3);
  assert.equal(backend.pulls.filter(({body}) => body.cookie === null).length, 1);
  const truth = await converge(database, rep);
  assert.equal(truth['note/n20'].count, 1);
  assert.equal(Object.keys(truth).length, 38);
  return [...shown].filter(count => count > 1 && count < 38);
}

scenario('a client applies page by page', {}, async world => {
  assert.notEqual((await sync(world, following)).length, 0);
});

scenario('a client collects the pages and applies them at once', {}, async world => {
  assert.deepEqual(await sync(world, collecting), []);
});
