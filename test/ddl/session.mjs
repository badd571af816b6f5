// A connection whose errors are results, and what the round makes of them.
import pg from 'pg';

pg.types.setTypeParser(20, Number);

export class Failure extends Error {}

/** What may be wrong with a statement because somebody alters what it is about; class XX and lost connections never are. */
const fitting = {
  read: /^(40001|40P01|55P03|55000|42703|42883|42804|42P01|3F000)$/,
  push: /^(40001|40P01|55P03|55000|42703|42883|42804|42P01|3F000|42501|0A000|42P10|42P16)$/,
};

export class Session {
  constructor(name, round) {
    Object.assign(this, {name, round});
  }

  async open() {
    this.db = new pg.Client();
    this.db.on('error', error => this.round.fail(`${this.name} has lost its connection: ${error.message}`));
    await this.db.connect();
    await this.db.query(`SET client_min_messages = 'error'; SET deadlock_timeout = '20ms'; SET lock_timeout = '3s'; SET timezone = 'UTC'; SET application_name = '${this.name}'`);
  }

  /** The rows; an error has a code and no rows. */
  async run(sql, parameters) {
    this.round.note(this.name, sql, parameters);
    try {
      return {rows: (await this.db.query(sql, parameters)).rows};
    } catch (error) {
      if (!error.code) throw new Failure(`${this.name}: ${error.message}, after ${sql} ${parameters ?? ''}`);  // no JSON, or no connection
      this.round.note(this.name, `-- ${error.code} ${error.message}`);
      return {code: error.code, message: error.message};
    }
  }

  /** The same; an error that does not fit the kind of statement fails the round. */
  async client(kind, sql, parameters) {
    const result = await this.run(sql, parameters);
    this.round.tally(`${kind} ${result.code ?? 'ok'}`);
    if (result.code && !fitting[kind].test(result.code) && !(this.round.rough && result.code === '42P16')) throw new Failure(`${this.name}: ${result.code} ${result.message}, after ${sql} ${parameters ?? ''}`);
    return result;
  }

  async must(sql, parameters) {
    const result = await this.run(sql, parameters);
    if (result.code) throw new Failure(`${this.name}: ${result.code} ${result.message}, after ${sql}`);
    return result.rows;
  }

  end() {
    return this.db.end().catch(() => {});
  }
}

export const sleep = ms => new Promise(done => setTimeout(done, ms));
