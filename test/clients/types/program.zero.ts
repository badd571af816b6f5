// A program that uses the schema. Each @ts-expect-error must be one.
import {defineMutator, defineMutators, type Row, type Transaction, type Zero} from '@rocicorp/zero';
import {createQueries, schema, templates, zql, type Mood, type MutatorArgs, type QueryArgs, type Schema} from './zero_schema.js';

export {schema};
export const query = zql.card.where('mood', 'sad').where('is_done', true).orderBy('due', 'desc').limit(10);
export const seats = zql.seat.where('row', '>', 3);

export function use(card: Row<typeof schema.tables.card>) {
  const mood: Mood = card.mood;
  const due: number | null = card.due;
  const tags: ReadonlyArray<string | null> | null = card.tags;
  // @ts-expect-error: no such value of the enum
  void zql.card.where('mood', 'angry');
  // @ts-expect-error: the client calls it is_done
  void zql.card.where('done', true);
  // @ts-expect-error: a time is a number
  const text: string = card.due;
  // @ts-expect-error: Zero has no bytea
  void card.bytes;
  return [mood, due, tags, text];
}

type Put = {tx: Transaction<Schema>; args: MutatorArgs['putCard']};
export const mutators = defineMutators({putCard: defineMutator(async ({tx, args}: Put) => tx.mutate.card.insert({id: args.id, title: args.title, mood: args.mood ?? 'ok', amount: 0, is_done: false}))});

export const queries = createQueries({
  ...templates,
  'card.from': ({args: {mood, minimum = 0}}) => zql.card.where('mood', mood).where('amount', '>=', Number(minimum)),
  'card.seats': ({args: {row}, ctx}: {args: QueryArgs['card.seats']; ctx: {userID: string}}) => zql.card.where('title', `${ctx.userID} ${row}`).one(),
});

export async function ask(zero: Zero<typeof schema, undefined, {userID: string}>) {
  const cards = await zero.run(queries.card.by({mood: 'sad'}));
  const due: number | null | undefined = cards[0]?.due;
  const card = await zero.run(queries.card.seats({row: 1}));
  const title: string | undefined = card?.title;
  await zero.run(queries.card.since());
  zero.materialize(queries.card.since({due: 1})).destroy();
  await zero.run(queries.card.mine());
  await zero.run(queries.card.ids(['a']));
  await zero.run(queries.card.from({mood: 'sad', minimum: '9007199254740993', note: null}));
  await zero.run(queries.card.titled({'the text': '%', title: 'x'}));
  await zero.run(queries.card.by({mood: 'sad', but: null, limit: 1}));
  const elsewhere: QueryArgs['elsewhere'] = {n: 1, x: ['a', 1, true]};
  const anything: QueryArgs['anything'] = [{a: null}];
  return [due, title, elsewhere, anything];
}

export function wrong({tx, args}: Put) {
  // @ts-expect-error: the mutator has no such parameter
  void args.colour;
  // @ts-expect-error: it must have an id
  mutators.putCard({title: 'x'});
  // @ts-expect-error: the column is a text
  void tx.mutate.card.update({id: args.id, title: 1});
  // @ts-expect-error: there is no such query
  queries.card.bye({mood: 'sad'});
  // @ts-expect-error: it lacks the mood
  queries.card.by({});
  // @ts-expect-error: it has args
  queries.card.by();
  // @ts-expect-error: no such value of the enum
  queries.card.by({mood: 'angry'});
  // @ts-expect-error: a limit is a number
  queries.card.by({mood: 'sad', limit: '1'});
  // @ts-expect-error: no such placeholder
  queries.card.by({mood: 'sad', colour: 'red'});
  // @ts-expect-error: only IS and IS NOT compare with null
  queries.card.by({mood: null, but: true});
  // @ts-expect-error: a time is a number
  queries.card.since({due: '2026-01-01'});
  // @ts-expect-error: it has no placeholders
  queries.card.mine({});
  // @ts-expect-error: IN takes a list
  queries.card.ids('a');
  // @ts-expect-error: of texts
  queries.card.ids([1]);
  // @ts-expect-error: a column of another table
  queries.card.seated({row: 'x'});
  // @ts-expect-error: a parameter of the function
  queries.card.from({mood: 'sad', minimum: true});
  // @ts-expect-error: only a parameter whose default is NULL may be null
  queries.card.from({mood: 'sad', minimum: null});
  // @ts-expect-error: Zero compares with no object
  const elsewhere: QueryArgs['elsewhere'] = {n: 1, x: {}};
  // @ts-expect-error: nobody has said what it is on the client
  queries.anything({});
  // @ts-expect-error: there is no such query
  createQueries({'card.bye': () => zql.card});
  // @ts-expect-error: it has other args
  createQueries({'card.from': ({args: {id}}) => zql.card.where('id', id)});
  // @ts-expect-error: that is no query
  createQueries({'card.from': () => schema});
  return elsewhere;
}
