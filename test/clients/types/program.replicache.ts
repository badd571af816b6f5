// A program that uses the types. Each @ts-expect-error must be one.
import {Replicache, type ReplicacheOptions} from 'replicache';
import {cardKey, createMutators, getEntry, scanCard, scanSeat, seatKey, type Card, type Entries, type MutatorArgs, type Mutators} from './sync.js';

const mutators = createMutators({
  async putCard(tx, {id, title, mood = 'ok', home = null, tags = null, big = null}) {
    const card = {id, title, mood, tags, doc: null, home: home && {street: null, number: null, ...home}, amount: 0, big: big === null ? null : Number(big), done: false, due: null, bytes: null, code: title.length} satisfies Card;
    await tx.set(cardKey({id}), card);
  },
  async 'take-seat'(_tx, _args) {},
  async clear(tx) {
    for await (const key of scanCard(tx).keys()) await tx.del(key);
  },
  async 'card.update'(tx, {id, title, is_done}) {
    const card = await getEntry(tx, cardKey({id}));
    if (card) await tx.set(cardKey({id}), {...card, title: title ?? card.title, done: is_done ?? card.done});
  },
});

type Options = Pick<ReplicacheOptions<typeof mutators>, 'puller' | 'pusher'>;

export async function run(options: Options, id: string) {
  const rep = new Replicache({name: 'types', logLevel: 'error', kvStore: 'mem', pullInterval: null, mutators, ...options});
  await rep.mutate.putCard({id, title: 'Milk', mood: 'sad', home: {street: 'Elm/St', number: 7}, tags: ['a', null], big: '9007199254740991'});
  await rep.mutate['take-seat']({venue: 'Pier 3/4', row: 1, note: 'x'});
  await rep.mutate['card.update']({id, title: 'Oat milk', is_done: true});
  for (let i = 0; i < 200 && (await rep.experimentalPendingMutations()).length > 0; i++) {
    await rep.pull({now: true});
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  const seen = await rep.query(async tx => {
    const card = await getEntry(tx, `card/${id}`);
    const seats = await scanSeat(tx).values().toArray();
    const street: string | null | undefined = card?.home?.street;
    const tag: string | null | undefined = card?.tags?.[0];
    const row: number | undefined = seats[0]?.row;
    const key: `venue/${string}/seat/${string}` = seatKey({venue: 'Pier 3/4', row: 1});
    return {card, seats, street, tag, row, seat: await getEntry(tx, key)};
  });
  await rep.close();
  return seen;
}

export function wrong(all: Mutators, rep: Replicache<Mutators>, card: Card, entry: Entries['venue/x/seat/1'], args: MutatorArgs['putCard']) {
  new Replicache<Mutators>({name: 'x', mutators: all});
  // @ts-expect-error: one mutator is missing
  new Replicache<Mutators>({name: 'x', mutators});
  // @ts-expect-error: there is no such mutator
  void rep.mutate.putCrad({id: '', title: ''});
  // @ts-expect-error: it lacks the title
  void rep.mutate.putCard({id: ''});
  // @ts-expect-error: a title is a text
  void rep.mutate.putCard({id: '', title: 1});
  // @ts-expect-error: no such value of the enum
  void rep.mutate.putCard({id: '', title: '', mood: 'angry'});
  // @ts-expect-error: no such parameter
  void rep.mutate.putCard({id: '', title: '', colour: 'red'});
  // @ts-expect-error: only a parameter whose default is NULL may be null
  void rep.mutate.putCard({id: '', title: '', mood: null});
  // @ts-expect-error: no such member of the composite type
  void rep.mutate.putCard({id: '', title: '', home: {city: ''}});
  // @ts-expect-error: it has no parameters
  void rep.mutate.clear({id: ''});
  void rep.mutate.clear();
  // @ts-expect-error: the client calls the column is_done
  void rep.mutate['card.insert']({id: '', title: '', done: true});
  // @ts-expect-error: the key is missing
  void rep.mutate['card.update']({title: ''});
  // @ts-expect-error: the key of a row that is not there yet
  void rep.mutate['card.insert']({title: ''});
  // @ts-expect-error: there is no such mutator
  createMutators({async putCrad() {}});
  // @ts-expect-error: it has other args
  createMutators({async putCard(_tx, {id}: {id: number}) { void id; }});
  // @ts-expect-error: it may be null
  void card.tags.length;
  // @ts-expect-error: so may an element
  void card.tags?.[0]?.length.toFixed() && card.tags![0].length;
  // @ts-expect-error: versions are not in entries
  void card.version;
  // @ts-expect-error: a number
  void card.amount.length;
  // @ts-expect-error: what a function returns is not known
  void entry.what.length;
  // @ts-expect-error: the value does not have it
  void entry.secret;
  // @ts-expect-error: no table has such keys
  void rep.query(tx => getEntry(tx, 'crad/1'));
  const note: string = entry.note;
  const big: string | number | null | undefined = args.big;
  return [note, big];
}
