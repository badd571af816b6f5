// What a request must be like, and what answers are like. docs/http.md says why.
import {promisify} from 'node:util';
import {constants, gzip} from 'node:zlib';

// SQLSTATE → status. Node's own codes (ECONNREFUSED) begin with E, and errors without a code are of lost connections.
const statuses: [number, RegExp][] = [
  [400, /^(22021|22023|22P02|22P05|54001)/],
  [403, /^42501/],
  [503, /^(08|25006|25P0[34]|40|53|55006|55P03|57|58|E|RE00[14])/],
];

/** The status that an error brings along, if it is one of errors: a library's error may say 200, 0 or `failed` there. */
export function ownStatus(error: unknown): number | undefined {
  const {status} = (error ?? {}) as {status?: unknown};
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599 ? status as number : undefined;
}

/** The status for an error that the database, its driver or this package has raised. */
export function statusOf(error: unknown): number {
  const {code = '08000'} = (error ?? {}) as {code?: string};
  return ownStatus(error) ?? statuses.find(([, states]) => states.test(code))?.[0] ?? 500;
}

/** A request that is refused with this status. The message is for the client. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly headers: Record<string, string> = {}) {
    super(message);
  }
}

// Headers are long if a client wants it so. They are split and trimmed before a pattern sees them, which then has nothing to try twice.
const parts = (header: string | null, separator: string): string[] =>
  (header ?? '').toLowerCase().split(separator).map(part => part.trim());

function isJson(header: string | null): boolean {
  const [type, ...parameters] = parts(header, ';').filter((part, i) => i === 0 || part !== '');
  return type === 'application/json' && parameters.every(parameter => {
    const [name, value, ...more] = parts(parameter, '=');
    return name === 'charset' && /^("?)(utf-8|utf8|us-ascii)\1$/.test(value ?? '') && more.length === 0;
  });
}

/** Whether a client takes gzip: it has named it, and with a weight above 0. */
const acceptsGzip = (header: string | null): boolean => parts(header, ',').some(coding => {
  const [name, weight = 'q=1', ...more] = parts(coding, ';');
  const [q, value = ''] = parts(weight, '=');
  return name === 'gzip' && q === 'q' && Number(value) > 0 && more.length === 0;
});

/** The body of a request, as text: nothing is parsed, so no number is rounded. `limit` is in bytes, before and after decompression. */
export async function readBody(request: Request, limit: number): Promise<string> {
  if (!isJson(request.headers.get('Content-Type')))
    throw new Refusal(415, 'application/json is wanted, in UTF-8', {Accept: 'application/json'});
  const encoding = (request.headers.get('Content-Encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') throw new Refusal(415, 'the only Content-Encoding is gzip', {'Accept-Encoding': 'gzip'});
  const tooLarge = () => new Refusal(413, `the body is larger than ${limit} bytes`);
  if (Number(request.headers.get('Content-Length') ?? 0) > limit) throw tooLarge();

  let body = request.body as ReadableStream<Uint8Array> | null;
  if (!body) return '';
  let arrived = 0;
  // A stream of gzip can go on for ever without giving a byte.
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      arrived += chunk.byteLength;
      if (arrived > limit) throw tooLarge();
      controller.enqueue(chunk);
    },
  });
  if (encoding === 'gzip') body = body.pipeThrough(count).pipeThrough<Uint8Array>(new DecompressionStream('gzip') as any);
  const decoder = new TextDecoder('utf-8', {fatal: true});
  const reader = body.getReader();
  let text = '', bytes = 0;
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > limit) throw tooLarge();
      text += decoder.decode(value, {stream: true});
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    if (arrived > limit) throw tooLarge();
    if (error instanceof Refusal || request.signal.aborted) throw error;
    // Bytes that are no gzip or no UTF-8, or a connection that has ended.
    throw new Refusal(400, `the body cannot be read: ${(error as Error).message}`);
  }
}

/** The length of an answer that is worth compressing: less than that is one packet. */
const worthwhile = 1_400;
const compress = promisify(gzip);

/** An answer that is JSON. It is compressed if `accept`, the header Accept-Encoding of the request, says so. */
export async function json(status: number, text: string, accept: string | null | undefined, headers: Record<string, string> = {}): Promise<Body> {
  let body: Uint8Array = Buffer.from(text);
  const all: Record<string, string> = {'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers};
  if (status === 503) all['Retry-After'] = '1';
  if (accept !== undefined && body.byteLength >= worthwhile) {
    all['Vary'] = 'Accept-Encoding';
    if (acceptsGzip(accept)) {
      body = await compress(body, {level: constants.Z_BEST_SPEED});
      all['Content-Encoding'] = 'gzip';
    }
  }
  all['Content-Length'] = String(body.byteLength);
  return {status, body, headers: all};
}

/** A response that is not made yet, so that one can hear when its body has been taken. */
export interface Body {
  status: number;
  body: Uint8Array;
  headers: Record<string, string>;
}

/** The response. `taken` is called when whoever sends it has taken the whole body. */
export function respond({status, body, headers}: Body, taken?: () => void): Response {
  if (!taken) return new Response(body as Uint8Array<ArrayBuffer>, {status, headers});
  let sent = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!sent) controller.enqueue(body);
      else {
        controller.close();
        taken();
      }
      sent = true;
    },
  }, {highWaterMark: 0});
  return new Response(stream, {status, headers});
}

/** A response in plain text. */
export const plain = (status: number, message: string, headers: Record<string, string> = {}): Response =>
  new Response(message, {status, headers: {'Content-Type': 'text/plain; charset=utf-8', ...(status === 503 && {'Retry-After': '1'}), ...headers}});
