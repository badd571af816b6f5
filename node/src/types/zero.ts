// For Zero: the schema, the args of mutators, and the named queries.
import {piecesOf, type Column, type Description, type Table} from './description.js';
import {Expressions} from './expressions.js';
import {mutatorArgs} from './replicache.js';
import {queriesPart, queryImports, queryNames, queryTypes} from './queries.js';
import type {ZeroTable} from './local_query.js';
import type {Ast} from './templates.js';
import {comment, header, inLine, literal, Names, property} from './text.js';

// As zero-cache sends the columns of PostgreSQL. It leaves out columns of other types, but for enums and arrays.
const kinds: Record<string, 'string' | 'number' | 'boolean'> = {
  boolean: 'boolean',
  smallint: 'number', integer: 'number', bigint: 'number', real: 'number', 'double precision': 'number', numeric: 'number',
  date: 'number', 'time without time zone': 'number', 'time with time zone': 'number', 'timestamp without time zone': 'number', 'timestamp with time zone': 'number',
  text: 'string', 'character varying': 'string', character: 'string', uuid: 'string',
  cidr: 'string', inet: 'string', macaddr: 'string', macaddr8: 'string', pg_lsn: 'string',
};

/** `asts`: of the queries that are templates. */
export function zeroModule(description: Description, asts: Map<string, Ast>): string {
  const imported = ['boolean', 'createBuilder', 'createSchema', 'enumeration', 'json', 'number', 'string', 'table'];
  const names = new Names([...imported, 'schema', 'Schema', 'zql', 'MutatorArgs', 'ReadonlyJSONValue', 'Readonly', 'ReadonlyArray', 'Record',
    ...(description.queries.length > 0 ? [...queryImports, ...queryTypes, ...queryNames] : [])]);
  const expressions = new Expressions(description, names);
  const given = new Set(description.tables.flatMap(({exposed}) => exposed?.name ?? []));
  const known: ZeroTable[] = [];
  const tables = description.tables.map(table => {
    const client = table.exposed?.name ?? unused(table, given);
    const name = names.value(client);
    const columns = table.columns.filter(({name: column}) => column !== table.entries?.version)
      .map(column => new ZeroColumn(column, table.exposed?.columns.find(c => c.column === column.name)?.name ?? column.name, expressions));
    const key = keyOf(table).map(column => columns.find(c => c.column.name === column));
    if (key.length === 0 || key.some(c => !c?.builder)) return {name: null, text: `// ${inLine(literal(client))} is left out: Zero cannot have its key\n`};
    const server = table.schema === 'public' ? table.name : `${table.schema}.${table.name}`;
    known.push({server, client, columns: new Map(columns.filter(({builder}) => builder).map(c => [c.column.name, {client: c.client, type: c.type, nullable: c.column.nullable}]))});
    return {name, text:
      `${comment(table.comment)}const ${name} = table(${literal(client)})${client === server ? '' : `\n  .from(${literal(server)})`}\n` +
      `  .columns({\n${columns.map(column => column.line()).join('')}  })\n` +
      `  .primaryKey(${key.map(c => literal(c!.client)).join(', ')});\n`};
  });
  const body = tables.map(({text}) => text).join('\n');
  const used = imported.filter(name => name === 'createSchema' || name === 'createBuilder' || new RegExp(`\\b${name}[<(]`).test(body));
  const queries = queriesPart(description, asts, known, expressions);
  const args = mutatorArgs(description, expressions);
  const hasQueries = queries.includes('defineQuery(');
  if (hasQueries) used.push(...queryImports);
  const types = /\bReadonlyJSONValue\b/.test(body + args + queries + expressions.declarations()) ? ['type ReadonlyJSONValue'] : [];
  return [
    header(description.version, ' --zero'),
    `import {${[...used, ...types].join(', ')}} from '@rocicorp/zero';\n${hasQueries ? `import type {${queryTypes.join(', ')}} from '@rocicorp/zero';\n` : ''}`,
    expressions.declarations(),
    body,
    `export const schema = createSchema({\n  tables: [${tables.flatMap(({name}) => name ?? []).join(', ')}],\n});\n`,
    `export type Schema = typeof schema;\n\nexport const zql = createBuilder(schema);\n`,
    args,
    queries,
  ].filter(text => text !== '').join('\n');
}

function unused(table: Table, given: Set<string>): string {
  for (const name of [table.name, `${table.schema}_${table.name}`])
    if (!given.has(name)) {
      given.add(name);
      return name;
    }
  return `${table.schema}.${table.name}`;
}

// Or the columns of the key of its entries, which are unique, too.
function keyOf(table: Table): string[] {
  if (table.primary_key.length > 0 || !table.entries) return table.primary_key;
  return piecesOf(table.entries.key).flatMap(({column}) => column ?? []);
}

class ZeroColumn {
  readonly builder: string | null;
  /** What Zero compares the column with. Null: nothing. */
  readonly type: string | null;

  constructor(
    readonly column: Column,
    readonly client: string,
    expressions: Expressions,
  ) {
    const base = expressions.base(column.type);
    const type = expressions.type(base);
    this.type = type.kind === 'enum' ? expressions.enumeration(base) : type.kind !== 'array' && Object.hasOwn(kinds, base) ? kinds[base]! : null;
    if (type.kind === 'enum') this.builder = `enumeration<${expressions.enumeration(base)}>()`;
    else if (type.kind === 'array') this.builder = `json<${expressions.output(base, false)}>()`;
    else if (base === 'json' || base === 'jsonb') this.builder = 'json()';
    else this.builder = Object.hasOwn(kinds, base) ? `${kinds[base]}()` : null;
  }

  line(): string {
    const {name, nullable, type, comment: text} = this.column;
    if (this.builder === null) return `    // ${inLine(literal(this.client))} is left out: Zero has no ${inLine(type)}\n`;
    const from = this.client === name ? '' : `.from(${literal(name)})`;
    return `${comment(text, '    ')}    ${property(this.client)}: ${this.builder}${from}${nullable ? '.optional()' : ''},\n`;
  }
}
