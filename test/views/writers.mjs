// Sessions that change rows and permissions, in transactions that stay open over the steps of others.
import {Failure} from '../ddl/session.mjs';
import {lists} from './app.mjs';

const expected = /^(55P03|23505|40P01|40001|42704|42501)$/;  // 40001: the row has moved to another partition

const share = {
  grant: ({pick}) => `INSERT INTO share VALUES ('${pick(['ann', 'ben', 'cat', 'nobody'])}', ${pick(lists)}) ON CONFLICT DO NOTHING`,
  revoke: ({pick}) => `DELETE FROM share WHERE user_id = '${pick(['ann', 'ben', 'cat'])}' AND list_id = ${pick(lists)}`,
  exchange: ({pick}) => `UPDATE share SET list_id = ${pick(lists)} WHERE ctid = (SELECT ctid FROM share ORDER BY user_id, list_id OFFSET ${pick(lists)} LIMIT 1)`,
};

/** A write of rows or permissions. */
function statement(app, random) {
  const {pick, below, weigh} = random;
  const n = () => 1 + below(app.rows);
  const one = `id = key_of(${n()})`;
  const some = `id IN (SELECT key_of(${n()} + i) FROM generate_series(1, ${pick([3, 3, 30])}) i)`;
  const insert = (first, count) => `INSERT INTO doc (id, list_id, board, title, rank, author, opens, opens_at)
    SELECT key_of(n), 1 + (n + ${below(6)}) % 6, '${pick(['A', 'B'])}', 'new ${below(1000)}', n, '${pick(['ann', 'ben', 'cat'])}', ${below(4)}, now() + '${below(300)} ms'
    FROM generate_series(${first}, ${first + count - 1}) n WHERE NOT EXISTS (SELECT FROM doc d WHERE d.id = key_of(n))`.replaceAll(/\s+/g, ' ');
  return weigh([
    [8, () => insert(n(), 1)],
    [3, () => insert(app.rows + below(40), 12)],
    [8, () => `UPDATE doc SET title = 'changed ${below(1000)}' WHERE ${one}`],
    [3, () => `UPDATE doc SET title = title || '.' WHERE ${some}`],
    [2, () => `UPDATE doc SET title = title WHERE ${some}`],
    [6, () => `UPDATE doc SET rank = ${below(2 * app.rows)} WHERE ${one}`],
    [5, () => `UPDATE doc SET list_id = ${pick(lists)} WHERE ${pick([one, some])}`],
    [7, () => `DELETE FROM doc WHERE ${one}`],
    [2, () => `DELETE FROM doc WHERE ${some}`],
    [app.soft ? 8 : 1, () => `UPDATE doc SET gone = NOT gone WHERE ${one}`],
    [app.spaces[1] ? 6 : 0, () => `UPDATE doc SET board = '${pick(['A', 'B'])}' WHERE ${pick([one, some])}`],
    [3, () => `UPDATE doc SET id = key_of(${n()}) WHERE ${one}`],
    [4, () => `UPDATE doc SET secret = NOT secret, author = '${pick(['ann', 'ben', 'cat'])}' WHERE ${one}`],
    [4, () => `UPDATE doc SET opens = ${below(4)}, opens_at = now() + '${below(300)} ms' WHERE ${one}`],
    [3, () => `WITH old AS (DELETE FROM doc WHERE ${one} RETURNING *) INSERT INTO tag SELECT 100 + ${below(50)}, board, title FROM old ON CONFLICT DO NOTHING`],
    // More subtransactions than a snapshot lists.
    [1, () => `DO $$ BEGIN FOR i IN 1 .. 80 LOOP BEGIN UPDATE doc SET rank = rank + 1 WHERE id = key_of(i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`],
    [14, () => share.grant(random)],
    [11, () => share.revoke(random)],
    [4, () => share.exchange(random)],
    [1, () => `DELETE FROM share WHERE user_id = '${pick(['ann', 'ben'])}'`],
    [app.form === 'tick' ? 8 : 1, () => `UPDATE tick SET at = ${below(4)}`],
    [app.mode === 'extent' ? 6 : 1, () => `DELETE FROM extent WHERE list_id = ${pick(lists)} AND owner = 'g${1 + below(5)}'`],
    [4, () => `INSERT INTO tag VALUES (${1 + below(20)}, '${pick(['A', 'B'])}', 'tag') ON CONFLICT (id) DO UPDATE SET title = tag.title || '.', board = excluded.board`],
    [2, () => `DELETE FROM tag WHERE id = ${1 + below(20)}`],
  ])();
}

export class Writer {
  constructor(session) {
    Object.assign(this, {session, open: false, mark: false});
  }

  async run(sql) {
    const {code, message, rows} = await this.session.run(sql);
    this.session.round.tally(code ? `write ${code}` : sql.split(' ', 1)[0]);
    if (!code) return rows;
    if (!expected.test(code)) throw new Failure(`${this.session.name}: ${code} ${message}, after ${sql}`);
    if (!this.open) return;
    await this.session.must(this.mark && code !== '40P01' ? 'ROLLBACK TO s' : 'ROLLBACK');
    if (!this.mark || code === '40P01') this.open = this.mark = false;
  }

  async step() {
    const {round} = this.session;
    const {random, app} = round;
    if (!this.open && random.chance(45)) {
      this.open = true;
      return void (await this.run('BEGIN'));
    }
    const control = sql => async () => {
      await this.run(sql);
      if (sql === 'SAVEPOINT s') this.mark = true;
      if (sql === 'COMMIT' || sql === 'ROLLBACK') this.open = this.mark = false;
    };
    await random.weigh([
      [60, () => this.run(statement(app, random))],
      [14, () => this.push(random.pick(round.clients))],
      [this.open ? 8 : 0, control('SAVEPOINT s')],
      [this.mark ? 6 : 0, control('ROLLBACK TO s')],
      [this.open ? 25 : 0, control('COMMIT')],
      [this.open ? 6 : 0, control('ROLLBACK')],
    ])();
  }

  /** A mutation of a client's group. */
  async push({group, user, space}) {
    const {random, app} = this.session.round;
    const client = `${group}-${random.pick(['c1', 'c2'])}`;
    const [name, args] = random.pick([
      ['putDoc', {n: 1 + random.below(app.rows + 20), list: random.pick(lists), title: `by ${client} ${random.below(100)}`}],
      ['dropDoc', {n: 1 + random.below(app.rows)}],
      ['setExtent', {list: random.pick(lists), wanted: random.chance(60)}],
    ]);
    const rows = await this.run(`SELECT coalesce(max(last_mutation_id), 0) + 1 AS id FROM replicache.client WHERE id = '${client}'`);
    const body = {pushVersion: 1, clientGroupID: group, mutations: [{clientID: client, id: rows[0].id, name, args}]};
    const answer = await this.run(`SELECT replicache.apply_push('${JSON.stringify(body)}', ${user ? `'${user}'` : 'NULL'}, '${space}') AS answer`);
    if (answer?.[0].answer.applied) this.session.round.tally('mutation applied');
  }

  async end() {
    if (this.open) await this.run('COMMIT');
    this.open = this.mark = false;
  }
}
