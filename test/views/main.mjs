// main.mjs --seed N --rounds K: see run.
import {appendFileSync} from 'node:fs';
import {inspect, parseArgs} from 'node:util';
import {Failure, Session, sleep} from '../ddl/session.mjs';
import {randomOf} from '../random.mjs';
import {App, roles} from './app.mjs';
import {Answers, Client} from './clients.mjs';
import {Writer} from './writers.mjs';

const {values} = parseArgs({options: {seed: {type: 'string'}, rounds: {type: 'string'}}});
const [firstSeed, rounds] = [Number(values.seed), Number(values.rounds)];
const count = {};
const steps = 160, milliseconds = 1500;

class Round {
  constructor(seed, alone) {
    Object.assign(this, {seed, alone, random: randomOf(seed), log: [], failure: null, sessions: [], clients: [], answers: new Answers(), noted: new Map()});
    Object.assign(this, {epoch: 0, generation: 0, groups: 0, app: new App(this.random)});
  }

  tally(what) {
    count[what] = (count[what] ?? 0) + 1;
  }

  note(name, sql) {
    const line = `${name}: ${sql.replaceAll(/\s+/g, ' ')};`;
    this.log.push(line.slice(0, 4000));
    if (process.env.VIEWS_LOG) appendFileSync(process.env.VIEWS_LOG, `${this.seed} ${line}\n`);
    if (this.log.length > 120) this.log.shift();
  }

  fail(message) {
    this.failure ??= message;
  }

  newGroup() {
    return `g${++this.groups}`;
  }

  async session(name, timeout) {
    const session = new Session(name, this);
    this.sessions.push(session);
    await session.open();
    await session.must(`SET lock_timeout = '${timeout}'`);
    return session;
  }

  async setUp() {
    // A session of its own, which has loaded the installed module. The others use the one that planted has compiled, if there is one.
    const first = await this.session('first', '10s');
    await first.must('DROP EXTENSION IF EXISTS replicache_ext CASCADE; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC');
    await first.must('CREATE EXTENSION replicache_ext');
    if (process.env.VIEWS_MODULE) await first.must(`UPDATE pg_proc SET probin = '${process.env.VIEWS_MODULE}' WHERE probin = '$libdir/replicache_ext'`);
    await first.end();
    const control = await this.session('control', '10s');
    for (const sql of this.app.create()) await control.must(sql);
    const {users, spaces} = this.app;
    const who = ['ann', 'ann', 'ben', users.at(-1)];
    for (const [i, user] of who.entries()) this.clients.push(new Client(this, {group: this.newGroup(), user, space: spaces[i % 2] ?? ''}));
    this.clients.push(this.clients[0].tab());
    await control.must("SET lock_timeout = '5ms'");
    return control;
  }

  // Without sessions side by side, a statement that has to wait fails at once: nobody else goes on meanwhile.

  async run() {
    const control = await this.setUp();
    const writers = [];
    for (let i = 1; i <= 3; i++) writers.push(new Writer(await this.session(`writer ${i}`, this.alone ? '2ms' : '1s')));
    const pullers = [];
    for (let i = 1; i <= (this.alone ? 1 : 3); i++) pullers.push(await this.session(`puller ${i}`, '2s'));
    if (this.app.page) for (const puller of pullers) await puller.must(`SET replicache.page_size = '${this.app.page}'`);
    if (this.alone) for (let i = 0; i < steps; i++) await this.step(control, writers, pullers[0]);
    else await this.storm(writers, pullers);
    for (const writer of writers) await writer.end();
    for (const client of this.clients) {
      let i = 0;
      while (i++ < 2 || client.state.more) {
        await client.pull(pullers[0], 'recorded');
        if (i > 500) client.fail('the pages do not end');
      }
    }
    await this.clients[0].pullSince(pullers[0]);
    this.answers.check();
  }

  async step(control, writers, puller) {
    const {random} = this;
    if (random.chance(45)) return random.pick(writers).step();
    if (random.chance(80)) return random.pick(this.clients).pull(puller, random.pick(['recorded', 'recorded', 'read only', this.app.form === 'now' ? 'recorded' : 'plain', random.pick(['rolled back', 'serializable', 'recorded'])]));
    if (random.chance(60)) return this.rearrange();
    await this.administer(control);
  }

  rearrange(busy = new Set()) {
    const {random, clients, app} = this;
    const one = random.pick(clients.filter(client => !busy.has(client)));
    random.weigh([
      [4, () => clients.push(one.fork())],
      [4, () => clients.push(one.tab())],
      [3, () => clients.push(one.changeUser(random.pick(app.users.filter(user => user !== one.user))))],
      [4, () => one.goBack()],
      [app.form === 'roles' ? 8 : 0, () => (one.role = random.pick(roles))],
      [2, () => clients.push(new Client(this, {group: this.newGroup(), user: random.pick(app.users), space: one.space}))],
    ])();
    if (clients.length > 9) clients.splice(random.below(clients.length), 1);
  }

  async administer(control) {
    const {random, app} = this;
    this.noted.clear();
    const run = async sql => {
      const {code, message} = await control.run(sql);
      this.tally(`${sql.split('(')[0].replace(/^SELECT replicache\./, '').split(' ', 2).join(' ')}: ${code ?? 'ok'}`);
      if (code && code !== '55P03') throw new Failure(`${code} ${message}, after ${sql}`);
      return !code;
    };
    await random.weigh([
      [6, () => run(`DELETE FROM replicache.view_record WHERE ${random.pick(['true', "id < '8'"])}`)],
      [4, () => run("SELECT replicache.collect_garbage('1 day')")],
      [2, async () => {
        if (await run('SELECT replicache.new_epoch()')) this.epoch++;
      }],
      [app.tracking === 'none' ? 0 : 2, () => run("SELECT replicache.resync('doc')")],
      [1, () => run('TRUNCATE doc')],
      [5, async () => {
        const former = app.tracking;
        app.tracking = former === app.mode ? random.pick(['public', 'public', 'none', app.mode]) : app.mode;
        if (await run(app.track())) this.generation++;
        else app.tracking = former;
      }],
      [app.form === 'none' || app.form === 'roles' || app.form === 'now' || app.mode === 'parts' ? 0 : 4, async () => {
        const {form, drop} = app.change(random);
        const former = app.form;
        app.form = form;
        if (!(await run(['BEGIN', ...drop, ...app.policies(), 'COMMIT'].join('; ')))) {
          await control.must('ROLLBACK');
          app.form = former;
        }
      }],
    ])();
  }

  /** Everybody at once. */
  async storm(writers, pullers) {
    const {random} = this;
    const deadline = performance.now() + milliseconds;
    const repeat = async f => {
      try {
        while (performance.now() < deadline && !this.failure) {
          await f();
          await sleep(random.below(3));
        }
      } catch (error) {
        this.fail(error instanceof Failure ? error.message : error.stack);
      }
    };
    const busy = new Set();
    const pull = async session => {
      const client = random.pick(this.clients.filter(each => !busy.has(each)));
      busy.add(client);
      await client.pull(session, random.pick(['recorded', 'recorded', 'read only']));
      busy.delete(client);
      if (random.chance(10)) this.rearrange(busy);
    };
    await Promise.all([...writers.map(writer => repeat(() => writer.step())), ...pullers.map(session => repeat(() => pull(session)))]);
    if (this.failure) throw new Failure(this.failure);
  }
}

const control = new Session('control', {note() {}, fail() {}});
await control.open();
for (const role of roles) await control.must(`CREATE ROLE ${role}`);
await control.end();

let failed = 0;
console.log(`# seed ${firstSeed}, ${rounds} rounds of ${steps} steps or ${milliseconds} ms`);
console.log(`1..${rounds + 1}`);
for (let i = 0; i < rounds; i++) {
  const seed = firstSeed + i;
  const round = new Round(seed, seed % 6 !== 0);
  const name = `seed ${round.seed}: ${round.alone ? '' : 'side by side, '}${round.app}`;
  try {
    await round.run();
  } catch (error) {
    round.fail(error instanceof Failure ? error.message : error.stack);
  }
  await Promise.all(round.sessions.map(session => session.end()));
  round.tally(round.app.mode);
  console.log(`${round.failure ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
  if (!round.failure) continue;
  console.log(`# ${round.failure}\n${round.log.map(line => `#   ${line}`).join('\n')}`.replaceAll(/\n(?!#)/g, '\n# '));
  if (++failed === (process.env.VIEWS_MODULE ? 1 : 3)) break;
}

// A test of nothing would pass, too.
const outcomes = ['private', 'window', 'extent', 'parts', 'COMMIT', 'ROLLBACK', 'ROLLBACK', 'SAVEPOINT', 'mutation applied', 'pull, recorded: ok', 'pull, plain: ok', 'pull, read only: ok',
  'pull, read only: 25006', 'pull, rolled back: ok', 'complete', 'delta', 'nothing new', 'del', 'new record', 'difference in the cookie', 'page', 'pull_since', 'track_table: ok', 'new_epoch: ok'];
const never = failed || rounds < 24 ? [] : outcomes.filter(outcome => !count[outcome]);
console.log(`${never.length ? 'not ok' : 'ok'} ${rounds + 1} - everything has come about${never.length ? `, but for ${never.join(', ')}` : ''}`);
console.log(`# ${inspect(count, {sorted: true, breakLength: 150, compact: 40}).replaceAll('\n', '\n# ')}`);
if (failed || never.length) process.exitCode = 1;
