// Clients that write, and what became of each change: it is there once when the answer says so, and not when it says that it was rejected.
import {Failure} from './session.mjs';

// What may be said of a change that names no column but those that every table has. A column that it does not name is none of them.
const rejections = /^(42883|42P01|42P10|23502|23505|23514|42501|55000|RE002)$/;
// … and of values that a column may not take, or columns that are not there.
const refusals = /^(42703|22...|23...|42804|42P16|21000)$/;

const newId = random => `${random.pick('abcdmnop'.split(''))}${random.below(1e9)}`;
const someValue = random => ['text one', 1001, true, null, 0.5, '2020-01-02', {j: 1}, [7, 8], 'red', {x: 11, y: 'pair'}][random.below(10)];

class Writer {
  constructor(session, name) {
    Object.assign(this, {session, name, number: 1});
  }

  /** A change {table, kind, data}, or a call of the mutator note. Most add to the ledger. */
  make() {
    const {random} = this.session.round;
    const data = {id: newId(random), tag: 1 + random.below(1e6)};
    if (random.chance(15)) return {call: true, table: 'ledger', kind: 'insert', data};
    const table = random.pick(['ledger', 'ledger', 'ledger', 'a', 'b', 'p', 'p']);
    const odd = random.chance(20);
    if (odd) data[random.pick(['x', 'y', 'z'])] = someValue(random);
    return {table, kind: random.pick(['insert', 'upsert', table === 'ledger' ? 'upsert' : 'update']), data, odd};
  }

  settle(change, code) {
    const {round} = this.session;
    round.tally(`change ${code ?? 'applied'}`);
    if (code && !rejections.test(code) && !((change.odd || change.call || round.rough) && refusals.test(code)))
      throw new Failure(`${this.session.name}: ${JSON.stringify(change)} was rejected with ${code}`);
    if (change.table === 'ledger') round.ledger.set(change.data.id, !code);
  }
}

export class Pusher extends Writer {
  pending = [];

  async push() {
    const {random} = this.session.round;
    while (this.pending.length < 1 + random.below(5)) this.pending.push(this.make());
    const mutations = this.pending.map((change, i) => ({
      clientID: this.name, id: this.number + i, name: change.call ? 'note' : `${change.table}.${change.kind}`, args: change.data, timestamp: 1,
    }));
    const request = JSON.stringify({pushVersion: 1, clientGroupID: `g${this.name}`, mutations, profileID: 'p', schemaVersion: ''});
    const {rows} = await this.session.client('push', 'SELECT replicache.apply_push($1) AS answer', [request]);
    if (!rows) return;  // nothing has happened, so the same comes again
    const [{answer}] = rows;
    if (answer.error || answer.skipped) throw new Failure(`${this.session.name}: ${JSON.stringify(answer)}`);
    const rejected = new Map(answer.rejected.map(({id, code}) => [id, code]));
    const settled = this.pending.splice(0, answer.applied + rejected.size);
    settled.forEach((change, i) => this.settle(change, rejected.get(this.number + i)));
    this.number += settled.length;
  }
}

export class Uploader extends Writer {
  pending = [];

  async push() {
    const {random} = this.session.round;
    while (this.pending.length < 1 + random.below(5)) {
      const change = this.make();
      // A patch of a row that is not there has no effect.
      if (change.kind === 'insert') change.kind = 'upsert';
      this.pending.push(change);
    }
    const transactions = this.pending.map((change, i) => {
      const {id, ...data} = change.data;
      return {transaction_id: this.number + i, crud: [change.call
        ? {op_id: this.number + i, op: 'PUT', type: 'mutator_calls', id: `call${this.number + i}`, data: {name: 'note', args: JSON.stringify(change.data)}}
        : {op_id: this.number + i, op: change.kind === 'update' ? 'PATCH' : 'PUT', type: change.table, id, data}]};
    });
    const request = JSON.stringify({client_id: this.name, transactions, on_error: random.chance(50) ? 'skip' : 'stop'});
    const {rows} = await this.session.client('push', 'SELECT replicache.powersync_upload($1) AS answer', [request]);
    if (!rows) return;
    let settled = 0;
    for (const [i, {status, failed_operation: failed}] of rows[0].answer.results.entries()) {
      if (status === 'retryable_error' || status === 'not_attempted') break;
      this.settle(this.pending[i], status === 'success' ? undefined : failed.details.sqlstate);
      settled++;
    }
    this.pending.splice(0, settled);
    this.number += settled;
  }
}

/** Writes the tables by plain SQL. */
export async function write(session) {
  const {random} = session.round;
  const table = random.pick(['a', 'b', 'p', 'u1', 'u2']);
  const owned = table.startsWith('u');
  const id = newId(random);
  await session.run(random.weigh([
    [5, () => `INSERT INTO ${table} (id, tag${owned ? ', owner' : ''}) VALUES ('${id}', ${1 + random.below(1000)}${owned ? ", 'u'" : ''})`],
    [3, () => `UPDATE ONLY ${table} SET tag = tag + 1 WHERE tag % 3 = ${random.below(3)}`],
    [1, () => `DELETE FROM ONLY ${table} WHERE tag % 7 = ${random.below(7)}`],
    [1, () => `UPDATE ONLY ${table} SET id = '${id}' WHERE id = (SELECT id FROM ONLY ${table} LIMIT 1)`],
    [1, () => `UPDATE ONLY ${table} SET x = ${random.pick(['DEFAULT', 'NULL'])} WHERE tag % 5 = 0`],
  ])());
}

export async function checkLedger(control, ledger) {
  const there = new Set((await control.must('SELECT id FROM ONLY ledger')).map(({id}) => id));
  for (const [id, applied] of ledger)
    if (there.has(id) !== applied) throw new Failure(`the change with id ${id} was ${applied ? 'applied' : 'rejected'}, and is ${there.has(id) ? '' : 'not '}there`);
  const {round} = control;
  round.tally('ledger compared');
}
