// What the routes share. `next dev` loads a module again when it changes, so what must be one for the process is kept outside of modules.
import pg from 'pg';
import {createSync, nobody, type Sync} from 'replicache-ext';

const shared = globalThis as {sync?: Sync};

export const sync = shared.sync ??= createSync({
  pool: new pg.Pool({max: 5, lock_timeout: 2_000, connectionTimeoutMillis: 5_000}),
  authenticate: request => request.headers.get('x-user') ?? (request.headers.has('x-nobody') ? nobody : null),
  gzip: false, // Next compresses by itself, even what is compressed
  events: {streams: 8},
});
