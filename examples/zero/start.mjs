// Starts the backend, and zero-cache, which answers the pages and asks the backend. Both end together.
import {spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {fileURLToPath} from 'node:url';

const {PORT = '8789', PGDATABASE = 'zero_chat'} = process.env;
const key = randomUUID(); // zero-cache shows it to the backend
const file = name => fileURLToPath(new URL(name, import.meta.url));
const run = (script, env) => spawn(process.execPath, [file(script)], {cwd: file('.'), env: {...env, ...process.env}, stdio: 'inherit'});

const children = [
  run('server.mjs', {PORT, ZERO_API_KEY: key}),
  run('node_modules/@rocicorp/zero/out/zero/src/cli.js', {
    ZERO_UPSTREAM_DB: `postgres://zero_cache:zero_cache@127.0.0.1/${PGDATABASE}`,
    ZERO_APP_PUBLICATIONS: 'zero_chat', // without it, all tables and columns of the schema public
    ZERO_MUTATE_URL: `http://127.0.0.1:${PORT}/api/mutate`,
    ZERO_MUTATE_API_KEY: key,
    ZERO_QUERY_URL: `http://127.0.0.1:${PORT}/api/query`,
    ZERO_QUERY_API_KEY: key,
    ZERO_REPLICA_FILE: file('replica.db'),
    ZERO_PORT: '4848', // app.js knows it
    ZERO_NUM_SYNC_WORKERS: '1',
    ZERO_ADMIN_PASSWORD: randomUUID(),
    ZERO_LOG_LEVEL: 'warn',
    DO_NOT_TRACK: '1',
    NODE_ENV: 'production',
  }),
];

const end = () => children.forEach(child => child.kill());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
for (const child of children) child.on('exit', code => (process.exitCode ??= code ?? 1, end()));
