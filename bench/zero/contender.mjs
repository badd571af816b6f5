// The contender `zero`: the PushProcessor of @rocicorp/zero on `pg`, as its documentation sets it up. It is apart from the
// others because npm takes half a minute to install it.
import {boolean, createSchema, defineMutator, defineMutators, number, string, table} from '@rocicorp/zero';
import {PushProcessor} from '@rocicorp/zero/server';
import {zeroNodePg} from '@rocicorp/zero/server/adapters/pg';
import {zeroBody} from './body.mjs';

const message = table('message')
  .columns({id: string(), sender: string(), content: string(), ord: number(), deleted: boolean(), version: number()})
  .primaryKey('id');
const schema = createSchema({tables: [message]});

// The adapter also takes `tx.mutate.message.insert(…)`; a prepared statement on its connection is the fastest it offers.
const mutators = defineMutators({
  createMessage: defineMutator(({tx, args: {id, sender, content, ord}}) => tx.dbTransaction.wrappedTransaction.query({
    name: 'createMessage', text: 'INSERT INTO message VALUES ($1, $2, $3, $4, false, $5)', values: [id, sender, content, ord, 0],
  })),
});

const processors = new WeakMap(); // by session
/** The text of the answer. */
async function push(session, body) {
  if (!processors.has(session)) processors.set(session, new PushProcessor(zeroNodePg(schema, session.client), {}, 'error'));
  const response = await processors.get(session).process(mutators, {schema: 'zero_0', appID: 'zero'}, JSON.parse(body));
  if (response.kind !== 'MutateResponse') throw new Error(`zero: ${response.message}`);
  return JSON.stringify(response);
}

export const zero = {scripts: ['hand', 'zero'], push, prepare: zeroBody, slow: true};
