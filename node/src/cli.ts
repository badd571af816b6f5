#!/usr/bin/env node
// replicache-ext SUBCOMMAND [ARGUMENT…]. Each subcommand is a module with a `run`, and is loaded only when it is called.

/** What a subcommand is. `run` takes the arguments after its name, and gives the exit status. */
export interface Subcommand {
  /** One line: what it does. */
  summary: string;
  run(args: string[]): Promise<number>;
}

const subcommands: Record<string, () => Promise<Subcommand>> = {
  types: () => import('./types/index.js'),
};

async function usage(): Promise<string> {
  const lines = await Promise.all(Object.entries(subcommands).map(async ([name, load]) => `  ${name.padEnd(10)} ${(await load()).summary}`));
  return ['usage: replicache-ext SUBCOMMAND [ARGUMENT…]', ...lines, ''].join('\n');
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(await usage());
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (load) return (await load()).run(args);
  process.stderr.write(`replicache-ext: there is no subcommand ${JSON.stringify(name)}\n${await usage()}`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
