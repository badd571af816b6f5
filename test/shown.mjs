// What examples/README.md shows of a program: blocks of ```console, a command and what it prints. … stands for anything in a line, and
// a line … for any lines. As a program: node test/shown.mjs COMMAND LOG, where LOG is what the command has printed. It ends with 1 if
// that is something else.
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';

const page = new URL('../examples/README.md', import.meta.url);

/** The blocks of the page: {command, output}. Lines that go on with a command are indented. */
export function shown() {
  return Array.from(readFileSync(page, 'utf8').matchAll(/^```console\n\$ (.*(?:\n .*)*)\n([^]*?)^```$/gm), ([, command, output]) => ({command, output}));
}

/** Whether `actual` has these lines. */
export function has(actual, output) {
  const escape = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = output.trimEnd().split('\n').map(line => line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escape).join('.*')}\\n`).join('');
  return new RegExp(`(?:^|\\n)${pattern}`).test(`${actual.trimEnd()}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, log] = process.argv.slice(2);
  const block = shown().find(block => block.command === command);
  if (!block || !has(readFileSync(log, 'utf8'), block.output)) {
    console.log(block ? `examples/README.md shows something else than ${log} for ${command}:\n${block.output}` : `examples/README.md does not show ${command}`);
    process.exitCode = 1;
  }
}
