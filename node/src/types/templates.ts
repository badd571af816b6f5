// What Zero's named queries ask for, of those that are templates. describe() has their placeholders, but not where they are. So
// zero_queries fills them in with marks, and the places of the marks show it. No code of anybody runs for that.
import {randomUUID} from 'node:crypto';
import type {Description} from './description.js';

export type Json = string | number | boolean | null | Json[] | {[name: string]: Json};

/** Stands where a client's value goes. */
export class Placeholder {
  constructor(
    /** The member of the args, null for the args themselves. */
    readonly name: string | null,
    /** undefined: there is none, and the value is required. */
    readonly preset: Json | undefined,
  ) {}
}

/** Stands where the user goes. */
export const user = Symbol('the user');

export type Ast = string | number | boolean | null | Placeholder | typeof user | Ast[] | {[name: string]: Ast};

interface Database {
  query<Row>(sql: string, values: string[]): Promise<{rows: Row[]}>;
}

/** The ASTs of the templates, by the name of the query. */
export async function templatesOf(database: Database, {queries}: Description): Promise<Map<string, Ast>> {
  const templates = queries.filter(({call}) => call.function === null);
  if (templates.length === 0) return new Map();
  const marks = new Map<Json, Placeholder | typeof user>();
  const mark = (stands: Placeholder | typeof user): string => {
    const text = randomUUID();
    marks.set(text, stands);
    return text;
  };
  const userMark = mark(user);
  // Twice: with all args, and with those that have no default. What is there the second time is the default of the place.
  const asked = templates.flatMap(({name, call}): {name: string; args: Json[]}[] => {
    if (call.args === 'whole') return [{name, args: [mark(new Placeholder(null, undefined))]}, {name, args: []}];
    const members = call.parameters.map(({name: member}): [string, string] => [member, mark(new Placeholder(member, undefined))]);
    const required = members.filter((_, i) => call.parameters[i]!.default === null);
    return [members, required].map(given => ({name, args: [Object.fromEntries(given)]}));
  });
  const request = JSON.stringify(['transform', asked.map((query, i) => ({id: String(i), ...query}))]);
  const {rows} = await database.query<{answers: {ast?: Json}[]}>(`SELECT replicache.zero_queries($1, $2) -> 'queries' AS answers`, [request, userMark]);
  const answers = rows[0]!.answers;
  const merge = (all: Json, some: Json | undefined): Ast => {
    const stands = marks.get(all);
    if (stands === user) return user;
    if (stands) return new Placeholder(stands.name, some === all ? undefined : some);
    if (Array.isArray(all)) return all.map((value, i) => merge(value, (some as Json[] | undefined)?.[i]));
    if (all === null || typeof all !== 'object') return all;
    return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, merge(value, (some as {[name: string]: Json} | undefined)?.[name])]));
  };
  return new Map(templates.flatMap(({name}, i) => {
    const [all, some] = [answers[2 * i]?.ast, answers[2 * i + 1]?.ast];
    return all === undefined ? [] : [[name, merge(all, some)]];
  }));
}
