// Fetch-API handlers behind Node's http, and behind Express.
import {once} from 'node:events';
import type {IncomingMessage, ServerResponse} from 'node:http';
import type {Handler} from './options.js';

/** A handler for `http.createServer`, `app.post` of Express, and whatever else takes Node's requests. Do not read the body before it. */
export function toNodeHandler(handler: Handler): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      await send(await handler(toRequest(request, gone.signal)), response);
      request.resume(); // the rest of a body that was too large, so that the next request on this connection is read
    } catch (error) {
      // What is half sent cannot be taken back.
      if (response.headersSent || response.destroyed) return void response.destroy();
      console.error(`replicache-ext: ${error instanceof Error ? error.message : error}`);
      response.writeHead(500).end();
    }
  };
}

function toRequest(request: IncomingMessage & {originalUrl?: string}, signal: AbortSignal): Request {
  if (request.readableEnded && request.method === 'POST')
    throw new Error('something has read the body of the request already: put this handler before express.json() and the like');
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  // The path as it came. Only the path and the query matter, so a strange Host may not spoil the URL.
  const url = new URL(`${scheme}://localhost`);
  const [path, query = ''] = (request.originalUrl ?? request.url ?? '/').split(/\?(.*)/s);
  url.pathname = path!;
  url.search = query;
  if (request.headers.host && URL.canParse(`${scheme}://${request.headers.host}`)) url.host = request.headers.host;
  const {method = 'GET'} = request;
  // The Fetch API refuses to make such a request, but the handler should say what it does take. Node itself refuses CONNECT.
  if (method === 'TRACE') return Object.defineProperty(new Request(url, {headers, signal}), 'method', {value: method});
  // Who stops reading, because the body is too large, still wants to answer on this connection.
  const body = method === 'GET' || method === 'HEAD' ? null : (ReadableStream as any).from(request.iterator({destroyOnReturn: false}));
  return new Request(url, {method, headers, body, signal, duplex: 'half'} as RequestInit);
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  const reader = answer.body?.getReader();
  if (response.destroyed) return void reader?.cancel().catch(() => {});
  const headers: Record<string, string | string[]> = Object.fromEntries(answer.headers);
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  response.writeHead(answer.status, headers);
  if (!reader) return void response.end();
  const closed = once(response, 'close').catch(() => {});
  response.once('close', () => reader.cancel().catch(() => {}));
  // An answer that is given up ends, even if its client takes nothing.
  const failed = reader.closed.then(() => closed);
  failed.catch(() => {});
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    if (response.destroyed) return;
    if (!response.write(value)) await Promise.race([closed, once(response, 'drain'), failed]);
  }
  response.end();
}
