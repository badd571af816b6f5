// What all handlers do alike: who is asking, and what an error is answered with.
import {plain, Refusal, statusOf} from './http.js';
import {nobody, type Handler, type Manners, type Nobody, type SyncOptions, type User} from './options.js';

/** Replicache's clients do not look at the body of an error. */
export const plainManners: Manners = {status: statusOf, refuse: plain};

// Frameworks have Responses of their own.
export const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value;

type Run = (request: Request, user: User) => Promise<Response>;
type Given = Required<Pick<SyncOptions<string | Nobody>, 'authenticate' | 'log'>>;

/** A handler for requests with these methods. */
export function makeHandler({authenticate, log}: Given, runs: Record<string, Run>, manners = plainManners): Handler {
  const allowed = Object.keys(runs).join(', ');
  return async request => {
    try {
      const run = Object.hasOwn(runs, request.method) ? runs[request.method] : undefined;
      if (!run) throw new Refusal(405, `${allowed} is wanted`, {Allow: allowed});
      const user = await authenticate(request);
      if (isResponse(user)) return user;
      if (user === nobody) return await run(request, null);
      if (typeof user !== 'string' || user === '') throw new Refusal(401, 'it is not known who is asking');
      return await run(request, user);
    } catch (error) {
      if (isResponse(error)) return error;
      if (request.signal.aborted) return new Response(null, {status: 499}); // nobody reads it
      const status = manners.status(error);
      if (status >= 500) log(error, new URL(request.url).pathname);
      const message = status < 500 && error instanceof Error ? error.message : 'try again later';
      const {headers = {}} = error instanceof Refusal ? error : {};
      return manners.refuse(status, message, {...(status === 503 && {'Retry-After': '1'}), ...headers});
    }
  };
}
