// Replicache: push, pull and events.
import {write} from './database.js';
import type {Fanout} from './fanout.js';
import {isResponse} from './handler.js';
import {json, readBody, Refusal, respond} from './http.js';
import type {Nobody, SyncOptions, User} from './options.js';
import type {Replica} from './replica.js';

type Options = SyncOptions<string | Nobody>;

/** What the handlers share. */
export interface Parts {
  options: Options & {limit: number};
  fanout: Fanout;
  replica: Replica;
  /** Begin to listen for pokes. */
  listen(): void;
}

/** The header Accept-Encoding. undefined: answers are not compressed. */
export const accepted = ({gzip = true}: Options, request: Request): string | null | undefined =>
  gzip ? request.headers.get('Accept-Encoding') : undefined;

async function spaceOf({space = () => ''}: Options, request: Request, user: User): Promise<string | Response> {
  const given = await space(request, user);
  // A mistake in the app: 500. An error without a code would count as an outage.
  if (typeof given !== 'string' && !isResponse(given)) throw new Refusal(500, 'the option "space" has given neither a string nor a Response');
  return given;
}

// A page names itself: its stream by a parameter, because an EventSource sends no header, and its pulls by a header. Of another user, it is another page.
const pageOf = (request: Request, user: User): string =>
  JSON.stringify([user, request.headers.get('X-Page') ?? new URL(request.url).searchParams.get('page') ?? crypto.randomUUID()]);

export async function push({options}: Parts, request: Request, user: User): Promise<Response> {
  const space = await spaceOf(options, request, user);
  if (isResponse(space)) return space;
  const body = await readBody(request, options.limit);
  const [[answer, halted]] = await write(options.pool, "SELECT a::text, a ->> 'halted' FROM replicache.apply_push($1, $2, $3) a", [body, user, space]) as [string[]];
  return respond(await json(halted ? 503 : 200, answer!, accepted(options, request)));
}

export async function pull({options, fanout, replica, listen}: Parts, request: Request, user: User): Promise<Response> {
  const space = await spaceOf(options, request, user);
  if (isResponse(space)) return space;
  const body = await readBody(request, options.limit);
  const pulled = request.headers.has('X-Page') ? fanout.pulling(pageOf(request, user), space) : undefined;
  if (replica.used) listen();
  // The answer may be long. It is only looked into if somebody wants to know the cookie.
  const cookie = pulled || replica.used ? "a ->> 'cookie'" : 'NULL';
  const text = `SELECT a::text, ${cookie} FROM replicache.pull($1, $2, $3) a`;
  const row = await replica.read(text, [body, user, space], space, request.signal, ([, cookie]) => {
    if (!cookie) return undefined; // an error, which the primary should say
    return (JSON.parse(cookie) as {version?: number} | null)?.version ?? null;
  });
  const answer = await json(200, row[0]!, accepted(options, request));
  if (!pulled || !row[1]) return respond(answer);
  const asked = JSON.parse(body) as {clientGroupID?: unknown; cookie?: unknown};
  const given = JSON.parse(row[1]);
  return respond(answer, () => pulled(asked.clientGroupID, asked.cookie, given));
}

export async function events({options, fanout, listen}: Parts, request: Request, user: User): Promise<Response> {
  const space = await spaceOf(options, request, user);
  if (isResponse(space)) return space;
  listen();
  const stream = fanout.open(request, pageOf(request, user), user, space, request.headers.get('Last-Event-ID'));
  return new Response(stream, {headers: {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'}});
}
