// PowerSync's uploads, Zero's endpoints, and lastMutationAt: one SQL call each.
import {write, type Row} from './database.js';
import {json, ownStatus, readBody, Refusal, respond, statusOf} from './http.js';
import type {Manners, User} from './options.js';
import {accepted, type Parts} from './replicache.js';

const jsonResponse = (status: number, value: unknown, headers: Record<string, string>): Response =>
  new Response(JSON.stringify(value), {status, headers: {'Content-Type': 'application/json; charset=utf-8', ...headers}});

// PowerSync

export const powersyncManners: Manners = {status: statusOf, refuse: (status, message, headers) => jsonResponse(status, {message}, headers)};

// What was rejected for good is in the answer, and on record in replicache.mutation_error: that is 200, for an error would come back for ever.
export async function powersyncUpload({options}: Parts, request: Request, user: User): Promise<Response> {
  const body = await readBody(request, options.limit);
  const [[answer]] = await write(options.pool, 'SELECT replicache.powersync_upload($1, $2)::text', [body, user]) as [Row];
  return respond(await json(200, answer!, accepted(options, request)));
}

// Zero

// Whatever the database raises: nothing stands, nothing is lost, and zero-cache sends it again.
export const zeroManners: Manners = {
  status: error => ownStatus(error) ?? 503,
  refuse: (status, message, headers) => new Response(message, {status, headers: {'Content-Type': 'text/plain; charset=utf-8', ...headers}}),
};

export async function zeroMutate({options}: Parts, request: Request, user: User): Promise<Response> {
  const {searchParams} = new URL(request.url);
  const body = await readBody(request, options.limit);
  const values = [body, searchParams.get('schema'), searchParams.get('appID'), user];
  const [[answer, halted]] = await write(options.pool, "SELECT a::text, a ->> 'halted' FROM replicache.zero_push($1, $2, $3, $4) a", values) as [Row];
  return respond(await json(halted ? 503 : 200, answer!, accepted(options, request)));
}

export async function zeroQuery({options}: Parts, request: Request, user: User): Promise<Response> {
  const body = await readBody(request, options.limit);
  const [[answer]] = await write(options.pool, 'SELECT replicache.zero_queries($1, $2)::text', [body, user]) as [Row];
  return respond(await json(200, answer!, accepted(options, request)));
}

// lastMutationAt

const codes: Record<number, string> = {401: 'UnauthorizedError', 403: 'ForbiddenError', 422: 'ValidationError', 500: 'InternalServerError', 503: 'ServiceUnavailableError'};

// What is raised, nothing of stands. What is malformed, the protocol calls invalid.
export const lastMutationAtManners: Manners = {
  status: error => ({400: 422})[statusOf(error)] ?? statusOf(error),
  refuse: (status, message, headers) => jsonResponse(status, {success: false, error: {code: codes[status] ?? 'RequestError', message}}, headers),
};

/** A parameter of the query, or what it is when it is left out. */
function parameter(request: Request, name: string, form: RegExp, otherwise?: string): string {
  const text = new URL(request.url).searchParams.get(name) ?? otherwise;
  if (text === undefined || !form.test(text)) throw new Refusal(422, `${text === undefined ? 'Missing' : 'Invalid'} ${name}`);
  return text;
}

const timestamp = /^(-1|\d{1,18})$/;

// One SQL call each, whose status, head and body are the answer.
const answer = async ({options}: Parts, request: Request, [status, head, body]: Row): Promise<Response> =>
  respond(await json(Number(status), body!, accepted(options, request), head === null ? {} : {'X-Mutation-At': head!}));

const columns = 'SELECT status::text, mutation_at::text, body::text FROM replicache';

// The user is the space, so somebody must be there.
function somebody(user: User): string {
  if (user === null) throw new Refusal(401, 'it is not known who is asking');
  return user;
}

export async function lastMutationAtPull(parts: Parts, request: Request, asking: User): Promise<Response> {
  const user = somebody(asking);
  const {searchParams} = new URL(request.url);
  const values = [
    parameter(request, 'mutationsSince', timestamp),
    user,
    searchParams.has('resources') ? parameter(request, 'resources', /^\w+(,\w+)*$/).split(',') : null,
    parameter(request, 'metadataOnly', /^(true|false)$/, 'false'),
    parameter(request, 'page', /^[1-9]\d{0,8}$/, '1'),
    parameter(request, 'limit', /^([1-9]\d{0,2}|1000)$/, '100'),
  ];
  if (parts.replica.used) parts.listen();
  // The user is the space, and the head its version.
  const row = await parts.replica.read(`${columns}.sync_pull($1, $2, $3, $4, $5, $6)`, values, user, request.signal,
    ([status, head]) => status === '200' && head ? Number(head) : undefined);
  return answer(parts, request, row);
}

export async function lastMutationAtPush(parts: Parts, request: Request, asking: User): Promise<Response> {
  const user = somebody(asking);
  const since = parameter(request, 'lastMutationAt', timestamp);
  const body = await readBody(request, parts.options.limit);
  const [row] = await write(parts.options.pool, `${columns}.sync_push($1, $2, $3)`, [body, since, user]);
  return answer(parts, request, row!);
}
