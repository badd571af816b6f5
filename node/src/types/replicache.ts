// The module for Replicache's client.
import {piecesOf, type Call, type Column, type Description, type Exposed, type Table} from './description.js';
import {Expressions} from './expressions.js';
import {comment, header, inLine, inTemplate, literal, Names, property} from './text.js';

const own = ['ReadTransaction', 'WriteTransaction', 'ReadonlyJSONValue', 'ScanResult', 'MutatorArgs', 'Mutators', 'MutatorName', 'createMutators',
  'Entries', 'EntryKey', 'getEntry', 'encodePart', 'tx', 'key', 'row', 'mutators', 'Promise', 'Readonly', 'ReadonlyArray', 'Record', 'Pick', 'String'];

// Their text in a key is the text of the value.
const plainInKey = new Set(['text', 'character varying', 'uuid', 'smallint', 'integer', 'bigint']);

export function replicacheModule(description: Description): string {
  const names = new Names(own);
  const expressions = new Expressions(description, names);
  const args = mutatorArgs(description, expressions);
  const tables = description.tables.filter(table => table.entries).map(table => new EntryTable(table, description, names, expressions));
  const parts = [
    header(description.version, ''),
    `import type {${tables.length > 0 ? 'ReadTransaction, ' : ''}ReadonlyJSONValue, ${tables.length > 0 ? 'ScanResult, ' : ''}WriteTransaction} from 'replicache';\n`,
    expressions.declarations(), // not complete before the rest is made
    args,
    mutatorTypes,
    ...tables.map(table => table.type()),
    ...(tables.length > 0 ? ['/** The value of each entry, by its key. */\n' + `export type Entries = {\n${entries(tables)}};\n`, entryTypes] : []),
    ...(tables.some(table => table.hasKey) ? [encodePart] : []),
    ...tables.map(table => table.helpers(tables)).filter(text => text !== ''),
  ];
  parts[2] = expressions.declarations();
  return parts.filter(text => text !== '').join('\n');
}

const mutatorTypes = `export type MutatorName = keyof MutatorArgs;

/** The mutators as the client has them: \`new Replicache<Mutators>({mutators})\`. */
export type Mutators = {
  [Name in MutatorName]: {} extends MutatorArgs[Name]
    ? (tx: WriteTransaction, args?: MutatorArgs[Name]) => Promise<void>
    : (tx: WriteTransaction, args: MutatorArgs[Name]) => Promise<void>;
};

/** Checks mutators, all or some: \`new Replicache({mutators: createMutators({…})})\`. */
export const createMutators = <Name extends MutatorName>(mutators: Pick<Mutators, Name>): Pick<Mutators, Name> => mutators;
`;

const entryTypes = `export type EntryKey = keyof Entries & string;

/** The entry under this key. */
export const getEntry = <Key extends EntryKey>(tx: ReadTransaction, key: Key): Promise<Entries[Key] | undefined> =>
  tx.get(key) as Promise<unknown> as Promise<Entries[Key] | undefined>;
`;

const encodePart = `// In the text of a column, "/" becomes %2F and "%" becomes %25.
const encodePart = (text: string | number): string => String(text).replaceAll('%', '%25').replaceAll('/', '%2F');
`;

/** The type MutatorArgs. */
export function mutatorArgs(description: Description, expressions: Expressions): string {
  const registered = new Set(description.mutators.map(({name}) => name));
  const lines = description.mutators.map(({name, call}) => ({name, text: `${comment(call.comment, '  ')}  ${property(name)}: ${argsOf(call, expressions)};\n`}));
  for (const table of description.tables)
    if (table.exposed)
      for (const operation of operationsOf(table.exposed)) {
        const name = `${table.exposed.name}.${operation}`;
        if (!registered.has(name)) lines.push({name, text: `  ${property(name)}: ${rowOf(table, table.exposed, operation, expressions)};\n`});
      }
  const members = lines.sort((a, b) => (a.name < b.name ? -1 : 1)).map(({text}) => text).join('');
  return `/** The args of each mutator. */\nexport type MutatorArgs = {\n${members}};\n`;
}

function argsOf(call: Call, expressions: Expressions): string {
  if (call.args === 'whole') return 'ReadonlyJSONValue';
  if (call.parameters.length === 0) return 'Record<string, never>';
  return `{\n${expressions.parameters(call).join('')}  }`;
}

type Operation = 'insert' | 'upsert' | 'update' | 'delete';

function operationsOf({operations}: Exposed): Operation[] {
  const upsert: Operation[] = operations.includes('insert') && operations.includes('update') ? ['upsert'] : [];
  return [...operations, ...upsert];
}

function rowOf(table: Table, exposed: Exposed, operation: Operation, expressions: Expressions): string {
  const isNew = operation === 'insert' || operation === 'upsert';
  const members = exposed.columns.map(({name, column, writable}) => {
    const {nullable, type, default: value, generated, comment: text} = table.columns.find(c => c.name === column) as Column;
    const isKey = table.primary_key.includes(column);
    const isLone = exposed.columns.filter(c => c.column === column).length === 1;
    // Only the key of an existing row may be given if it is generated.
    if (operation === 'insert' && !writable) return '';
    const required = isLone && (isKey && operation !== 'insert' ? true : isNew && !nullable && value === null && generated === null);
    return `${comment(text, '    ')}    ${property(name)}${required ? '' : '?'}: ${expressions.input(type, nullable)};\n`;
  });
  return members.every(text => text === '') ? 'Record<string, never>' : `{\n${members.join('')}  }`;
}

// No two tables can have the same keys. But `{id}` alone is any text to TypeScript, and what is under it must be what is under every key.
function entries(tables: EntryTable[]): string {
  return tables.map(table => {
    const under = table.pattern() === '${string}' ? tables : [table];
    return `  [key: \`${table.pattern()}\`]: ${under.map(({name}) => name).join(' | ')};\n`;
  }).join('');
}

class EntryTable {
  readonly name: string;
  readonly hasKey: boolean;
  private readonly pieces;
  private readonly prefix: string;
  private readonly body: string;

  constructor(
    private readonly table: Table,
    description: Description,
    names: Names,
    expressions: Expressions,
  ) {
    const entries = table.entries!;
    this.pieces = piecesOf(entries.key);
    this.prefix = this.pieces[0]!.literal;
    // A type, a key and a scan: cardKey, scanCard.
    const isAlone = description.tables.filter(t => t.entries && t.name === table.name).length === 1;
    const wanted = isAlone ? table.name : `${table.schema}_${table.name}`;
    let name = names.type(wanted);
    while (!names.take(`scan${name}`, `${small(name)}Key`)) name = names.type(wanted);
    this.name = name;
    this.body = expressions.value(entries.value, '');
    this.hasKey = this.keyColumns().every(({type}) => plainInKey.has(expressions.base(type)));
  }

  private keyColumns(): Column[] {
    return this.pieces.filter(({column}) => column !== null).map(({column}) => this.table.columns.find(({name}) => name === column)!);
  }

  type(): string {
    const commented = this.table.entries!.custom ? '' : this.withComments();
    return `${comment(this.table.comment)}export type ${this.name} = ${commented || this.body};\n`;
  }

  // The members of the default value are columns.
  private withComments(): string {
    const comments = new Map(this.table.columns.map(({name, comment: text}) => [`  ${property(name)}: `, text]));
    return this.body.split('\n').map(line => {
      const column = [...comments.keys()].find(start => line.startsWith(start));
      return (column === undefined ? '' : comment(comments.get(column) ?? null, '  ')) + line;
    }).join('\n');
  }

  /** What its keys look like, in a template literal type. */
  pattern(): string {
    return this.pieces.map(({literal: text, column}) => inTemplate(text) + (column === null ? '' : '${string}')).join('');
  }

  // A scan finds the entries of all tables whose keys may begin so.
  helpers(tables: EntryTable[]): string {
    const others = tables.filter(({prefix}) => prefix.startsWith(this.prefix) || this.prefix.startsWith(prefix));
    const value = others.map(({name}) => name).join(' | ');
    const scan = this.prefix === '' ? '' :
      `/** The entries under ${inLine(literal(this.prefix)).replaceAll('*/', '*\\/')}. */\n` +
      `export const scan${this.name} = (tx: ReadTransaction): ScanResult<string, ${value}> =>\n` +
      `  tx.scan({prefix: ${literal(this.prefix)}}) as ScanResult<string, ${value}>;\n`;
    return this.key() + scan;
  }

  private key(): string {
    if (!this.hasKey) return '';
    const columns = this.keyColumns();
    const members = columns.map(({name, type}) => `${property(name)}: ${type === 'bigint' ? 'number | string' : this.keyType(type)}`);
    const key = this.pieces.map(({literal: text, column}) => inTemplate(text) + (column === null ? '' : `\${encodePart(row[${literal(column)}])}`)).join('');
    return `export const ${small(this.name)}Key = (row: {${members.join('; ')}}) => \`${key}\` as const;\n`;
  }

  private keyType(type: string): string {
    return /^(smallint|integer)$/.test(type) ? 'number' : /^(text|character varying|uuid)$/.test(type) ? 'string' : 'string | number';
  }
}

function small(name: string): string {
  return name.replace(/^./u, c => c.toLowerCase());
}
