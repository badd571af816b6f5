// A program that uses the schema. Each @ts-expect-error must be one.
import {AppSchema, type Database} from './powersync_schema.js';

export {AppSchema};

export function use(card: Database['card'], seat: Database['seat'], call: Database['mutator_calls']) {
  const id: string = card.id;
  const done: number | null = card.is_done;
  const amount: string | null = card.amount;
  const row: number | null = seat.row;
  const args: string | null = call.args;
  // @ts-expect-error: booleans are numbers
  const wrong: boolean = card.is_done;
  // @ts-expect-error: the client calls it is_done
  void card.done;
  // @ts-expect-error: PowerSync sends no bytea
  void card.bytes;
  return [id, done, amount, row, args, wrong];
}
