import {spawn} from 'node:child_process';
import {setTimeout as sleep} from 'node:timers/promises';

/** For one block of a page, in milliseconds. */
export const TIME_LIMIT = 30_000;

// A psql that lives as long as its document, so that a block finds the session as the one before it left it.
export class Psql {
  constructor(database) {
    this.database = database;
    this.count = 0;
  }

  start() {
    this.process = spawn('psql', ['-X', '-q', '-d', this.database], {stdio: 'pipe'});
    this.out = this.err = '';
    this.process.stdout.setEncoding('utf8').on('data', text => (this.out += text));
    this.process.stderr.setEncoding('utf8').on('data', text => (this.err += text));
    this.process.stdin.on('error', () => {});
    this.ended = new Promise(resolve => this.process.once('close', resolve));
    this.ended.then(() => (this.process = null));
  }

  // Resolves to {out, err, ok}; ok means that psql came to the end of the block.
  async run(sql, {values = false, mayFail = false} = {}) {
    if (!this.process) this.start();
    const marker = `-- end of example ${++this.count} --`;
    this.out = this.err = '';
    this.process.stdin.write(
      `\\set ON_ERROR_STOP ${mayFail ? 'off' : 'on'}\n` +
        `\\pset format ${values ? 'unaligned' : 'aligned'}\n\\pset tuples_only ${values ? 'on' : 'off'}\n` +
        `${sql}\n\\echo ${marker}\n\\warn ${marker}\n`);
    const deadline = Date.now() + TIME_LIMIT;
    const atEnd = () => this.out.includes(marker) && this.err.includes(marker);
    while (this.process && !atEnd() && Date.now() < deadline) await sleep(5);
    if (!atEnd() && this.process) {
      this.process.kill('SIGKILL');
      await this.ended;
      this.err += `no end after ${TIME_LIMIT / 1000} s\n`;
    }
    return {ok: atEnd(), out: this.out.split(marker)[0], err: this.err.split(marker)[0]};
  }

  async end() {
    this.process?.stdin.end();
    await this.ended;
  }
}
