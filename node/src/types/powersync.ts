// The client's schema for PowerSync.
import type {Description, Table} from './description.js';
import {Expressions} from './expressions.js';
import {comment, header, inLine, literal, Names, property} from './text.js';

// As PowerSync's service writes the columns of PostgreSQL. It has text for all others.
const kinds: Record<string, string> = {
  boolean: 'integer',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
  real: 'real',
  'double precision': 'real',
};

export function powersyncModule(description: Description): string {
  const names = new Names(['column', 'Schema', 'Table', 'AppSchema', 'Database']);
  const expressions = new Expressions(description, names);
  const tables = new Map<string, {name: string; text: string}>();
  for (const table of description.tables) {
    const key = table.exposed?.name ?? table.name;
    if (tables.has(key)) continue; // a client has one table of a name; exposed ones have one of their own
    const name = names.value(key);
    tables.set(key, {name, text: `${comment(table.comment)}const ${name} = new Table({\n${columnsOf(table, expressions)}});\n`});
  }
  for (const queue of description.queues) {
    const name = names.value(queue);
    tables.set(queue, {name, text: `/** Each row is a call of a mutator: its name, and its args as JSON. */\nconst ${name} = new Table({name: column.text, args: column.text}, {insertOnly: true});\n`});
  }
  const members = [...tables].map(([key, {name}]) => `  ${property(key) === name ? name : `${property(key)}: ${name}`},\n`).join('');
  return [
    header(description.version, ' --powersync'),
    `import {${tables.size > 0 ? 'column, ' : ''}Schema${tables.size > 0 ? ', Table' : ''}} from '@powersync/common';\n`,
    ...[...tables.values()].map(({text}) => text),
    `export const AppSchema = new Schema({\n${members}});\n`,
    `export type Database = (typeof AppSchema)['types'];\n`,
  ].join('\n');
}

function columnsOf(table: Table, expressions: Expressions): string {
  const lone = table.primary_key.length === 1 ? table.primary_key[0] : undefined;
  return table.columns.map(({name, type, comment: text}) => {
    if (name === lone || name === table.entries?.version) return ''; // id is the key, and every table has it
    const listed = table.exposed?.columns.filter(({column}) => column === name).map(({name: client}) => client) ?? [];
    const base = expressions.base(type);
    return (listed.length > 0 ? listed : [name]).filter(client => client !== 'id').map(client =>
      base === 'bytea' ? `  // ${inLine(literal(client))} is left out: PowerSync sends no bytea\n`
        : `${comment(text, '  ')}  ${property(client)}: column.${Object.hasOwn(kinds, base) ? kinds[base] : 'text'},\n`).join('');
  }).join('');
}
