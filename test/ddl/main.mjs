// main.mjs --seed N --rounds K: see run.
import {appendFileSync, readFileSync} from 'node:fs';
import {inspect, parseArgs} from 'node:util';
import {create, expose, migration, noteOf, roughMigration, tables, track, valueOf} from './migrations.mjs';
import {checkEnd, comparePull, Device, Viewer} from './readers.mjs';
import {randomOf} from '../random.mjs';
import {Failure, Session, sleep} from './session.mjs';
import {checkLedger, Pusher, Uploader, write} from './writers.mjs';

const {values} = parseArgs({options: {seed: {type: 'string'}, rounds: {type: 'string'}}});
const [firstSeed, rounds] = [Number(values.seed), Number(values.rounds)];
const count = {};
const milliseconds = 2000;

class Round {
  constructor(seed) {
    Object.assign(this, {seed, random: randomOf(seed), log: [], ledger: new Map(), failure: null, sessions: [], asides: new Set()});
    this.rough = this.random.chance(25);
  }

  tally(what) {
    count[what] = (count[what] ?? 0) + 1;
  }

  note(name, sql, parameters) {
    const line = `${((performance.now() - this.began) / 1000).toFixed(3)} ${name}: ${sql.split('\n', 1)[0]}${parameters ? `  ${parameters}` : ''}`.slice(0, 600);
    this.log.push(line);
    if (process.env.DDL_LOG) appendFileSync(process.env.DDL_LOG, `${this.seed} ${line}\n`);  // all of it
    if (this.log.length > 150) this.log.shift();
  }

  fail(message) {
    this.failure ??= message;
  }

  async session(name) {
    const session = new Session(name, this);
    this.sessions.push(session);
    await session.open();
    return session;
  }

  /** f again and again, until the time is over. */
  async repeat(f, pause) {
    try {
      while (performance.now() < this.deadline && !this.failure) {
        await f();
        await sleep(this.random.below(pause));
      }
    } catch (error) {
      this.fail(error instanceof Failure ? error.message : error.stack);
    }
  }

  async setUp(control) {
    const {random} = this;
    await control.must('DROP EXTENSION IF EXISTS replicache_ext CASCADE');
    await control.must('DROP SCHEMA IF EXISTS public, aside, "aSide" CASCADE; CREATE SCHEMA public');
    await control.must(readFileSync('schema.sql', 'utf8'));
    await control.must(valueOf(random).create);
    for (const name of Object.keys(tables)) for (const sql of create(name, random)) await control.must(sql);
    await control.must(`CREATE ${noteOf(random)}`);
    await control.must(`SELECT replicache.create_space('', '${random.pick(['counter', 'time', 'transaction'])}'), replicache.create_space('u', 'time')`);
    await control.must("SELECT replicache.register_mutator('note', 'note(text, bigint, small)'), replicache.register_mutator_queue()");
    for (const name of Object.keys(tables)) for (const sql of [track(name, random), expose(name, random)]) await control.must(sql);
    for (const name of ['a', 'b', 'p']) await control.must(`INSERT INTO ${name} (id, tag) SELECT substr('acmo', 1 + i % 4, 1) || i, 1 + i FROM generate_series(1, 20) i`);
    for (const name of ['u1', 'u2']) await control.must(`INSERT INTO ${name} (id, tag, owner) SELECT 'c' || i, 1 + i, 'u' FROM generate_series(1, 10) i`);
  }

  async migrate(session) {
    const {random} = this;
    const {statements, aside = [], alone} = this.rough && random.chance(20) ? roughMigration(random) : migration(random);
    const whole = statements.length > 1 || random.chance(40);
    if (whole && !alone) await session.run('BEGIN');
    let done = true;
    for (const sql of statements) {
      const {code, message} = await session.run(sql);
      this.tally(`migration ${code ?? 'ok'}`);
      if (code?.startsWith('XX') && !/^(tuple concurrently (updated|deleted)|cache lookup failed|could not open relation|relation .* does not exist)/.test(message)) throw new Failure(`${session.name}: ${code} ${message}, after ${sql}`);
      if (code) {
        done = false;
        break;
      }
    }
    if (whole && !alone) {
      await sleep(random.below(15));
      const {code} = await session.run(done && random.chance(90) ? 'COMMIT' : 'ROLLBACK');
      done &&= !code;
    }
    if (!done || !aside.length) return;
    await sleep(random.below(20));
    for (const sql of aside) await this.putBack(session, sql);
  }

  /** As often as others are in the way. */
  async putBack(session, sql) {
    for (let i = 0; i < 20; i++) {
      const {code} = await session.run(sql);
      if (!code || !/^(40|55|XX)/.test(code)) return;
      await sleep(5);
    }
  }

  async run() {
    this.began = performance.now();
    const control = await this.session('control');
    await this.setUp(control);
    const names = ['migrator 1', 'migrator 2', 'migrator 3', 'pusher 1', 'pusher 2', 'uploader', 'device', 'viewer', 'user viewer', 'comparer', 'writer', 'watcher'];
    const [m1, m2, m3, p1, p2, u, d, v, uv, c, w, watcher] = await Promise.all(names.map(name => this.session(name)));
    const viewers = [new Viewer(v, ''), new Viewer(uv, 'u')];
    const device = new Device(d);
    const pushers = [new Pusher(p1, 'c1'), new Pusher(p2, 'c2'), new Uploader(u, 'c3')];
    const {random} = this;
    this.deadline = performance.now() + milliseconds;
    await Promise.all([
      ...[m1, m2, m3].map(session => this.repeat(() => this.migrate(session), 15)),
      ...pushers.map(pusher => this.repeat(() => pusher.push(), 5)),
      ...viewers.map(viewer => this.repeat(() => viewer.pull(), 5)),
      this.repeat(() => comparePull(c, watcher, random.pick(['', '', 'u'])), 5),
      this.repeat(() => write(w), 5),
      this.repeat(async () => {
        const [key] = device.view.keys();
        const [resource, resourceId] = (random.pick([...device.view.keys()]) ?? key ?? 'u1/none').split('/');
        if (random.chance(50) || device.head < 0) return void (await device.pull());
        await device.push(random.pick([
          {type: 'CREATE', resource: random.pick(['u1', 'u2']), data: {tag: 1 + random.below(1000)}},
          {type: 'UPDATE', resource, resourceId, data: {tag: 1 + random.below(1000)}},
          {type: 'DELETE', resource, resourceId},
        ]));
      }, 5),
    ]);
    try {
      if (this.failure) return;
      for (const sql of [valueOf(random).drop, valueOf(random).create, `CREATE OR REPLACE ${noteOf(random)}`, 'ALTER SCHEMA "aSide" RENAME TO aside']) await control.run(sql);
      for (const name of Object.keys(tables)) for (const sql of [`ALTER TABLE aside.${name} SET SCHEMA public`, `ALTER TABLE ${name}_aside RENAME TO ${name}`]) await control.run(sql);
      await checkEnd(control, viewers, device, this.rough);
      if (!this.rough) await checkLedger(control, this.ledger);
    } catch (error) {
      this.fail(error instanceof Failure ? error.message : error.stack);
    }
  }
}

// A test of nothing would pass, too.
const outcomes = ['migration ok', 'read ok', 'push ok', 'change applied', 'pull compared', 'views compared', 'ledger compared', 'sync_push 200'];
const never = () => rounds < 8 ? [] : outcomes.filter(outcome => !count[outcome]);

let failed = 0;
let ran = 0;
console.log(`# seed ${firstSeed}, ${rounds} rounds of ${milliseconds} ms`);
// A slow server gets more rounds.
while (ran < rounds || ran < 4 * rounds && never().length) {
  const round = new Round(firstSeed + ran++);
  try {
    await round.run();
  } catch (error) {
    round.fail(error instanceof Failure ? error.message : error.stack);
  }
  await Promise.all(round.sessions.map(session => session.end()));
  console.log(`${round.failure ? 'not ok' : 'ok'} ${ran} - seed ${round.seed}${round.rough ? ', rough' : ''}`);
  if (!round.failure) continue;
  console.log(`# ${round.failure}\n${round.log.map(line => `#   ${line}`).join('\n')}`.replaceAll(/\n(?!#)/g, '\n# '));
  if (++failed === 3) break;
  await sleep(1000);  // the server may have to start again
}

const missing = failed ? [] : never();
console.log(`${missing.length ? 'not ok' : 'ok'} ${ran + 1} - everything has come about${missing.length ? `, but for ${missing.join(', ')}` : ''}`);
console.log(`1..${ran + 1}`);
console.log(`# ${inspect(count, {sorted: true, breakLength: 150, compact: 40}).replaceAll('\n', '\n# ')}`);
if (failed || missing.length) process.exitCode = 1;
