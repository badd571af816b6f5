// A template as a query of the rows that the client has, in TypeScript; and the types of its placeholders, which their places tell.
import {literal, Names, property} from './text.js';
import {Placeholder, user, type Ast} from './templates.js';

export interface ZeroTable {
  /** What zero-cache calls it. */
  server: string;
  client: string;
  /** By the name in the database. `type` is null for JSON, which Zero does not compare. */
  columns: Map<string, {client: string; type: string | null; nullable: boolean}>;
}

type Members = {[name: string]: Ast};
const operators = new Set(['=', '!=', 'IS', 'IS NOT', '<', '>', '<=', '>=', 'LIKE', 'NOT LIKE', 'ILIKE', 'NOT ILIKE', 'IN', 'NOT IN']);
const isElement = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);

export class LocalQuery {
  /** Why the client cannot run it, or null. */
  fault: string | null = null;
  /** Whether a client may leave the args out: each placeholder has a default. */
  isOptional = true;
  private readonly types = new Map<string | null, Set<string>>();
  private readonly variables = new Map<string | null, string>();
  private readonly names = new Names(['zql', 'args', 'ctx', 'userID', 'undefined']);
  private usesUser = false;
  private readonly body: string;

  constructor(ast: Ast, private readonly tables: ZeroTable[]) {
    this.body = this.root(ast as Members);
  }

  /** The type of the placeholder; null for the args themselves. undefined: no place tells it. */
  type(name: string | null): string | undefined {
    const types = [...this.types.get(name) ?? []];
    return types.length < 2 ? types[0] : types.map(type => `(${type})`).join(' & ');
  }

  /** A member of `templates`. */
  code(name: string): string {
    const members = [...this.variables].map(([member, variable]) => (member === variable ? variable : `${property(member!)}: ${variable}`));
    const args = this.variables.has(null) ? ['args'] : members.length === 0 ? [] : [`args: {${members.join(', ')}}${this.isOptional ? ' = {}' : ''}`];
    const parts = [...args, ...(this.usesUser ? ['ctx: {userID}'] : [])];
    const parameter = parts.length === 0 ? '' : `{${parts.join(', ')}}: Local<${literal(name)}${this.usesUser ? ', {userID: string | null}' : ''}>`;
    return `  ${property(name)}: (${parameter}) => ${this.body},\n`;
  }

  private root({table: server, where, related, orderBy, limit, start, ...others}: Members): string {
    const table = this.table(server);
    const steps = [table ? `zql${/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(table.client) ? `.${table.client}` : `[${literal(table.client)}]`}` : ''];
    if (!table) this.fail('its table is not in the schema');
    else if (table.client === '__proto__') this.fail('its table has a name that objects cannot have');
    if (where !== undefined) steps.push(`.where(() => (${this.condition(where, table)}))`);
    for (const part of this.list(orderBy)) {
      const [column, direction] = this.list(part);
      steps.push(`.orderBy(${this.column(column, table)}, ${direction === 'asc' || direction === 'desc' ? literal(direction) : this.fail('its order is not fixed')})`);
    }
    if (start !== undefined) steps.push(this.start(start, table));
    if (limit !== undefined) steps.push(`.limit(${this.limit(limit)})`);
    for (const part of this.list(related)) {
      this.fail('it has related rows');
      this.root(this.members(this.members(part).subquery)); // for the types
    }
    this.others(others, ['alias']);
    return steps.join('\n    ');
  }

  private condition(condition: Ast, table: ZeroTable | undefined): string {
    const {type, ...parts} = this.members(condition);
    if (type === 'and' || type === 'or') return `{type: '${type}', conditions: [${this.list(parts.conditions).map(part => this.condition(part, table)).join(', ')}]}`;
    if (type === 'correlatedSubquery') return this.subquery(parts, table);
    if (type !== 'simple' || typeof parts.op !== 'string' || !operators.has(parts.op)) return this.fail('it has a condition that is not known here');
    const [left, right] = [this.members(parts.left), this.members(parts.right)];
    if (left.type === 'column' && right.type === 'literal') {
      const column = this.columnOf(left.name, table);
      const type = column?.type ?? undefined;
      return `{type: 'simple', op: '${parts.op}', left: {type: 'column', name: ${this.column(left.name, table)}}, right: {type: 'literal', value: ${this.value(right.value, type, parts.op)}}}`;
    }
    if (left.type === 'literal' && right.type === 'literal')
      return `{type: 'simple', op: '${parts.op}', left: {type: 'literal', value: ${this.value(left.value, undefined, '')}}, right: {type: 'literal', value: ${this.value(right.value, undefined, '')}}}`;
    return this.fail('it compares with something else than a value');
  }

  private subquery({op, related, ...flags}: Members, table: ZeroTable | undefined): string {
    const {correlation, subquery, system, ...more} = this.members(related);
    const {parentField, childField} = this.members(correlation);
    const {table: server, where, alias, ...others} = this.members(subquery);
    const inner = this.table(server);
    if (op !== 'EXISTS' && op !== 'NOT EXISTS') this.fail('it has a condition that is not known here');
    if (!inner) this.fail('a table of it is not in the schema');
    const fields = (field: Ast | undefined, of: ZeroTable | undefined) => `[${this.list(field).map(column => this.column(column, of)).join(', ')}]`;
    const condition = where === undefined ? '' : `, where: ${this.condition(where, inner)}`;
    const name = typeof alias === 'string' ? `, alias: ${literal(alias)}` : '';
    // An order does not matter to whether there is a row.
    this.others(others, ['orderBy']);
    this.others(flags, ['flip', 'scalar']);
    this.others(more, ['hidden']);
    const by = system === 'client' || system === 'permissions' ? `system: '${system}', ` : '';
    return `{type: 'correlatedSubquery', op: '${op as string}', related: {${by}correlation: {parentField: ${fields(parentField, table)}, childField: ${fields(childField, inner)}}, ` +
      `subquery: {table: ${literal(inner?.client ?? '')}${name}${condition}}}}`;
  }

  private start(start: Ast, table: ZeroTable | undefined): string {
    const {row, exclusive} = this.members(start);
    const values = Object.entries(this.members(row)).map(([name, value]) => {
      const column = this.columnOf(name, table);
      if (!(value instanceof Placeholder) || value.preset !== undefined || !column?.type) this.fail('it starts at values that are no required args');
      return `${column ? property(column.client) : ''}: ${this.value(value, column?.type ?? undefined, column?.nullable ? 'IS' : '=')}`;
    });
    return `.start({${values.join(', ')}}, {inclusive: ${exclusive === false}})`;
  }

  private limit(limit: Ast): string {
    if (typeof limit === 'number') return String(limit);
    if (!(limit instanceof Placeholder) || (limit.preset !== undefined && typeof limit.preset !== 'number')) this.fail('its limit is no number');
    return this.value(limit, 'number', '=');
  }

  /** What is compared with a column of this type. */
  private value(value: Ast | undefined, type: string | undefined, op: string): string {
    if (value === user) {
      this.usesUser = true;
      return 'userID';
    }
    if (value instanceof Placeholder) return this.variable(value, type === undefined ? undefined : of(type, op));
    if (Array.isArray(value)) return `[${value.map(element => this.element(element, type)).join(', ')}]`;
    if (value === undefined || (value !== null && typeof value === 'object')) return this.fail('it compares with something else than a value');
    return typeof value === 'string' ? literal(value) : String(value);
  }

  private element(element: Ast, type: string | undefined): string {
    const isKnown = element instanceof Placeholder ? type !== undefined && (element.preset === undefined || isElement(element.preset)) : isElement(element);
    if (!isKnown) this.fail('an element of a list could be no text, number or boolean');
    return this.value(element, type, '=');
  }

  private variable({name, preset}: Placeholder, type: string | undefined): string {
    if (type !== undefined) this.types.set(name, (this.types.get(name) ?? new Set()).add(type));
    const variable = this.variables.get(name) ?? (name === null ? 'args' : this.names.value(name));
    this.variables.set(name, variable);
    if (preset === undefined) this.isOptional = false;
    return preset === undefined ? variable : `${variable} === undefined ? ${this.value(preset, undefined, '')} : ${variable}`;
  }

  private table(server: Ast | undefined): ZeroTable | undefined {
    return this.tables.find(table => table.server === server);
  }

  private columnOf(name: Ast | undefined, table: ZeroTable | undefined) {
    return typeof name === 'string' ? table?.columns.get(name) : undefined;
  }

  private column(name: Ast | undefined, table: ZeroTable | undefined): string {
    const column = this.columnOf(name, table);
    return column ? literal(column.client) : this.fail('a column of it is not in the schema');
  }

  private members(value: Ast | undefined): Members {
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Placeholder)) return value;
    this.fail('it is no query that is known here');
    return {};
  }

  private list(value: Ast | undefined): Ast[] {
    if (value === undefined || Array.isArray(value)) return value ?? [];
    this.fail('it is no query that is known here');
    return [];
  }

  private others(members: Members, known: string[]): void {
    const name = Object.keys(members).find(member => !known.includes(member));
    if (name !== undefined) this.fail(`it has ${literal(name)}`);
  }

  private fail(fault: string): string {
    this.fault ??= fault;
    return '';
  }
}

function of(type: string, op: string): string {
  if (op.endsWith('IN')) return `ReadonlyArray<${type}>`;
  if (op.endsWith('LIKE')) return 'string';
  return op.startsWith('IS') ? `${type} | null` : type;
}
