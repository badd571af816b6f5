// Zero's named queries: the types of their args, and what those that are templates are on the client.
import type {Call, Description} from './description.js';
import type {Expressions} from './expressions.js';
import {LocalQuery, type ZeroTable} from './local_query.js';
import {comment, inLine, literal, property} from './text.js';
import type {Ast} from './templates.js';

/** What the part of the module about queries declares. */
export const queryNames = ['Operand', 'QueryArgs', 'QueryName', 'Local', 'Defined', 'First', 'Nested', 'Registry', 'createQueries', 'templates', 'args', 'ctx', 'userID'];
export const queryImports = ['defineQueries', 'defineQuery'];
export const queryTypes = ['AnyQuery', 'BaseDefaultContext', 'Query', 'QueryDefinition', 'QueryDefinitions', 'QueryRegistry'];

/** `asts`: of the templates. Nothing if there is no query. */
export function queriesPart({queries}: Description, asts: Map<string, Ast>, tables: ZeroTable[], expressions: Expressions): string {
  const names = new Set(queries.map(({name}) => name));
  const left: string[] = [], args: string[] = [], templates: string[] = [];
  for (const {name, call} of queries) {
    if (!fits(name, names)) {
      left.push(`// ${inLine(literal(name))} is left out: Zero cannot have a query of this name beside the others\n`);
      continue;
    }
    const ast = asts.get(name);
    const query = ast === undefined ? undefined : new LocalQuery(ast, tables);
    args.push(`${comment(call.comment, '  ')}  ${property(name)}: ${call.function === null ? ofTemplate(call, query) : ofFunction(call, expressions)};\n`);
    if (query?.fault === null) templates.push(query.code(name));
    else if (call.function === null) left.push(`// ${inLine(literal(name))} is no member of templates: ${inLine(query?.fault ?? 'zero_queries refuses it')}\n`);
  }
  if (args.length === 0) return left.join('');
  const text = args.join('');
  return [
    /\bOperand\b/.test(text) ? '/** What a client can put in the place of a placeholder. */\nexport type Operand = string | number | boolean | null | ReadonlyArray<string | number | boolean>;\n' : '',
    `/** The args of each named query. */\nexport type QueryArgs = {\n${text}};\n`,
    registry,
    `${left.join('')}/** What the templates give of the rows that the client has: \`createQueries({...templates, …})\`. */\nexport const templates = {\n${templates.join('')}};\n`,
  ].filter(part => part !== '').join('\n');
}

// Zero takes a dot for a step into an object: there can be no query and object of one name. It needs "~" for itself.
function fits(name: string, names: Set<string>): boolean {
  const steps = name.split('.');
  return !steps.some((step, i) => step === '__proto__' || step === '~' || (i > 0 && names.has(steps.slice(0, i).join('.'))));
}

function ofFunction(call: Call, expressions: Expressions): string {
  if (call.args === 'whole') return 'ReadonlyJSONValue';
  return members(call, expressions.parameters(call));
}

function ofTemplate(call: Call, query: LocalQuery | undefined): string {
  const type = (name: string | null) => query?.type(name) ?? 'Operand';
  if (call.args === 'whole') return `${type(null)}${query?.isOptional ? ' | undefined' : ''}`;
  return members(call, call.parameters.map(({name, default: value}) => `    ${property(name)}${value === null ? '' : '?'}: ${type(name)};\n`));
}

function members(call: Call, lines: string[]): string {
  return lines.length === 0 ? 'undefined' : `{\n${lines.join('')}  }${call.parameters.every(({default: value}) => value !== null) ? ' | undefined' : ''}`;
}

const registry = `export type QueryName = keyof QueryArgs;

type Local<Name extends QueryName, Context = BaseDefaultContext> = {args: QueryArgs[Name]; ctx: Context};
type Defined<Args extends ReadonlyJSONValue | undefined, Run> =
  Run extends (...options: never) => Query<infer Table, any, infer Return> ? QueryDefinition<Table, Args, Args, Return, BaseDefaultContext> : never;

// {'todo.mine': Q} is {todo: {mine: Q}}.
type First<Name> = Name extends \`\${infer Head}.\${string}\` ? Head : Name;
type Nested<Q> = {
  readonly [Name in keyof Q as First<Name>]: First<Name> extends keyof Q
    ? Q[First<Name>]
    : Nested<{[Longer in keyof Q as Longer extends \`\${First<Name> & string}.\${infer Rest}\` ? Rest : never]: Q[Longer]}>;
};
type Registry<Q> = Nested<{[Name in keyof Q & QueryName]: Defined<QueryArgs[Name], Q[Name]>}> extends infer Tree extends QueryDefinitions ? QueryRegistry<Tree, Schema> : never;

/**
 * The queries as the client calls them: \`zero.run(queries.todo.mine({…}))\`. Each function gives the query of the rows that the client has. It takes
 * all of them or some, and checks their names and args.
 */
export function createQueries<const Q extends {[Name in QueryName]?: (options: Local<Name>) => AnyQuery}>(
  queries: Q & {[Name in Exclude<keyof Q, QueryName>]: never},
): Registry<Q> {
  const tree = Object.create(null);
  for (const [name, run] of Object.entries<any>(queries)) {
    const path = name.split('.'), last = path.pop()!;
    let node = tree;
    for (const step of path) node = node[step] ??= Object.create(null);
    node[last] = defineQuery(run);
  }
  return defineQueries(tree) as any;
}
`;
