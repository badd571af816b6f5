// main.mjs --seed N --programs K: K random programs, from the seed N on, against the server and the model. See run.
import {inspect, parseArgs} from 'node:util';
import pg from 'pg';
import {writes} from './app.mjs';
import {Comparison} from './compare.mjs';
import {programOf} from './program.mjs';

const {values} = parseArgs({options: {seed: {type: 'string'}, programs: {type: 'string'}}});
const [first, programs] = [Number(values.seed), Number(values.programs)];
const count = {};  // what has come about, and how often
const db = new pg.Client();
await db.connect();
await db.query("SET client_min_messages = 'error'; SET log_min_messages = 'fatal'");

async function attempt(program, count) {
  await db.query('ROLLBACK');
  const comparison = new Comparison(db, program, count);
  try {
    await comparison.run();
  } catch (error) {
    return {error, script: comparison.script};
  }
}

/** The failure of the program without the steps that do not matter to it. */
async function shrink({steps, ...program}, failure) {
  for (let size = steps.length >> 1; size >= 1;) {
    const {length} = steps;
    for (let at = length - size; at >= 0; at -= size) {
      const fewer = steps.toSpliced(at, size);
      const same = await attempt({...program, steps: fewer}, {});
      if (same?.error.message === failure.error.message) [steps, failure] = [fewer, same];
    }
    if (size > 1 || steps.length === length) size >>= 1;
  }
  return failure;
}

function explain({error, script}) {
  const show = value => inspect(value, {depth: 9, breakLength: 150, sorted: true}).split('\n').map(line => `--   ${line}`);
  const difference = 'expected' in error ? ['-- the model:', ...show(error.expected), '-- the server:', ...show(error.actual)]
    : error.stack.split('\n').map(line => `-- ${line}`);
  const lines = ['-- in a new database, by psql:', '\\i test/model/schema.sql', ...script, `-- ${error.message}`, ...difference];
  console.log(lines.map(line => `# ${line}`).join('\n'));
}

let failed = 0;
console.log(`1..${programs + 1}`);
for (let seed = first; seed < first + programs && failed < 3; seed++) {
  const program = programOf(seed);
  const failure = await attempt(program, count);
  console.log(`${failure ? 'not ok' : 'ok'} ${seed - first + 1} - seed ${seed}, ${program.steps.length} steps${failure ? `: ${failure.error.message}` : ''}`);
  if (!failure) continue;
  failed++;
  explain(await shrink(program, failure));
}

// A test of nothing would pass, too.
const outcomes = [
  'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'RELEASE s', 'ROLLBACK TO s', ...Object.keys(writes).map(name => `${name} ok`), 'insertNote 23505', 'rekeyNote 23505', 'addColumn ok', 'collectGarbage 0 ok', 'collectGarbage 1 hour ok', 'tombstones collected',
  'applied', 'skipped', 'rejected', 'outOfOrder', 'temporary', 'ClientStateNotFound', 'VersionNotSupported', 'push 22023', 'push 42501', 'push 40001',
  'pull complete', 'pull delta', 'pull ClientStateNotFound', 'pull 42501',
];
const never = programs >= 200 && !failed ? outcomes.filter(outcome => !count[outcome]) : [];
console.log(`${never.length ? 'not ok' : 'ok'} ${programs + 1} - everything has come about${never.length ? `, but for ${never.join(', ')}` : ''}`);
console.log(`# ${inspect(count, {sorted: true, breakLength: 150, compact: 40}).replaceAll('\n', '\n# ')}`);
await db.end();
if (failed || never.length) process.exitCode = 1;
