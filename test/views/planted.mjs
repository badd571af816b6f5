// planted.mjs DIRECTORY: a copy of the tree, compiled. Plants each mistake in it, compiles it and expects that run finds it. Prints TAP.
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {mistakes} from './mistakes.mjs';

const [copy, ...chosen] = process.argv.slice(2);
const cases = mistakes.filter(({name}) => !chosen.length || chosen.includes(name));
const call = (command, args, options) => spawnSync(command, args, {encoding: 'utf8', maxBuffer: 2 ** 28, ...options});
let failed = false;

function plant({file, from, to, script = 'main'}) {
  const path = `${copy}/${file}`;
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) return `"${from}" does not stand in ${file} once`;
  writeFileSync(path, text.replace(from, () => to));
  try {
    const made = call('make', ['-s', `PG_CONFIG=${process.env.PG_CONFIG ?? 'pg_config'}`, 'replicache_ext.so'], {cwd: copy});
    if (made.status !== 0) return `it does not compile: ${made.stderr}`;
    const {status, stdout} = call('./run', ['--rounds', '120'], {env: {...process.env, VIEWS_SCRIPT: script, VIEWS_MODULE: `${copy}/replicache_ext.so`}});
    const found = /^not ok .*\n# .*/m.exec(stdout);
    if (status === 0 || !found) return 'it is not found';
    console.log(`# ${found[0].slice(0, 300).replaceAll('\n', '\n# ')}`);
  } finally {
    writeFileSync(path, text);
  }
}

console.log(`1..${cases.length}`);
for (const [i, mistake] of cases.entries()) {
  const problem = plant(mistake);
  if (problem) failed = true;
  console.log(`${problem ? 'not ok' : 'ok'} ${i + 1} - ${mistake.name}${problem ? `: ${problem.slice(0, 1000).replaceAll('\n', '\n# ')}` : ''}`);
}
process.exitCode = failed ? 1 : 0;
