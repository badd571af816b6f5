// An HTTP server that does with functions what PostgREST 16.1 does: its transactions, settings, statements and statuses. PostgREST itself
// is in no registry that a test may use. Names in comments are those of its source files.
import {createHmac} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {text} from 'node:stream/consumers';

const base64 = value => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = (content, secret) => `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;

/** A JSON Web Token, as an authentication server makes it. */
export function token(claims, secret) {
  return signed(`${base64({alg: 'HS256', typ: 'JWT'})}.${base64(claims)}`, secret);
}

function claimsOf(authorization, secret) {
  if (!authorization) return {};
  const given = authorization.replace(/^Bearer /i, '');
  if (given !== signed(given.split('.').slice(0, 2).join('.'), secret)) throw new Failure(401, 'PGRST301', 'JWSError');
  const claims = JSON.parse(Buffer.from(given.split('.')[1], 'base64url'));
  if (claims.exp < Date.now() / 1000) throw new Failure(401, 'PGRST303', 'JWT expired');
  return claims;
}

class Failure extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, {status, code, headers});
  }
}

// Error.hs, mapSQLtoHTTP: the first that fits. Whatever is not here is 400.
const statuses = [
  [/^08/, 503], [/^09/, 500], [/^0L|^0P/, 403], [/^2350[35]/, 409], [/^25006/, 405], [/^21000/, 500], [/^25/, 500], [/^28/, 403], [/^(2D|38|39|3B|40)/, 500],
  [/^53400/, 500], [/^53/, 503], [/^5[45]/, 500], [/^57P01/, 503], [/^5[78]/, 500], [/^(F0|HV)/, 500], [/^P0001/, 400], [/^P0|^XX/, 500],
  [/^42883|^42P01/, 404], [/^42P17/, 500],
];

function failure({code = '08000', message, detail}, authenticated) {
  if (code === 'PGRST') {
    const {status, headers} = JSON.parse(detail);
    return new Failure(status, JSON.parse(message).code, JSON.parse(message).message, headers);
  }
  if (code === '42501') return new Failure(authenticated ? 403 : 401, code, message);
  if (code.startsWith('PT')) return new Failure(Number(code.slice(2)), code, message);
  return new Failure(statuses.find(([pattern]) => pattern.test(code))?.[1] ?? 400, code, message);
}

const quoted = name => `"${name.replaceAll('"', '""')}"`;

export class PostgREST {
  requests = [];  // {name, status, mode}

  /** `pool` connects as the role authenticator. */
  constructor(pool, {secret, anonymous, schema}) {
    Object.assign(this, {pool, secret, anonymous, schema});
  }

  async listen() {
    this.server = createServer((request, response) => this.#answer(request, response));
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #answer(request, response) {
    const [, name] = /^\/rpc\/(\w+)/.exec(request.url) ?? [];
    const entry = {name};
    this.requests.push(entry);
    let body, headers = {};
    try {
      ({status: entry.status, body, headers} = await this.#call(name, request, entry));
    } catch (error) {
      entry.status = error.status ?? 500;
      headers = error.headers ?? {};
      body = JSON.stringify({code: error.code, details: null, hint: null, message: error.message});
    }
    response.writeHead(entry.status, {'Content-Type': 'application/json; charset=utf-8', ...headers}).end(body);
  }

  async #call(name, request, entry) {
    const claims = claimsOf(request.headers.authorization, this.secret);
    const role = claims.role ?? this.anonymous;
    const body = await text(request);
    if (!/^application\/json\b/.test(request.headers['content-type'])) throw new Failure(415, 'PGRST102', 'Content-Type not acceptable');
    try {
      JSON.parse(body);
    } catch {
      throw new Failure(400, 'PGRST102', 'Empty or invalid json');
    }
    const client = await this.pool.connect();
    let broken = false;
    try {
      // SchemaCache.hs: the volatility decides about the mode, and the role's settings are those of the transaction.
      const {rows: [routine]} = await client.query(`SELECT provolatile FROM pg_proc WHERE pronamespace = to_regnamespace($1) AND proname = $2
        AND pronargs = 1 AND proargnames IS NULL AND proargtypes[0] = 'json'::regtype`, [quoted(this.schema), name]);
      if (!routine) throw new Failure(404, 'PGRST202', `Could not find the function ${this.schema}.${name}`);
      const {rows: settings} = await client.query(`SELECT split_part(s, '=', 1) AS name, substr(s, strpos(s, '=') + 1) AS value
        FROM pg_db_role_setting d, unnest(setconfig) s WHERE setdatabase = 0 AND setrole = to_regrole($1)`, [quoted(role)]);
      entry.mode = routine.provolatile === 'v' ? 'READ WRITE' : 'READ ONLY';
      const variables = [  // PreQuery.hs
        ['search_path', `${quoted(this.schema)}, "public"`], ...settings.map(({name, value}) => [name, value]), ['role', role],
        ['request.jwt.claims', JSON.stringify({...claims, role})], ['request.method', request.method], ['request.path', request.url],
        ['request.headers', JSON.stringify(request.headers)], ['request.cookies', '{}'],
      ];
      await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${entry.mode}`);  // Hasql/Transaction/Private/SQL.hs
      await client.query(`select ${variables.map(([name], i) => `set_config('${name}', $${i + 1}, true)`).join(', ')}`, variables.map(([, value]) => value));
      const {rows: [row]} = await client.query({  // Statements.hs, mainCall
        name: `call ${name}`,  // prepared
        text: `WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT ${quoted(this.schema)}.${quoted(name)}($1::json) pgrst_scalar) pgrst_call)
          SELECT null::bigint AS total_result_set, 1 AS page_total, coalesce(json_agg(_postgrest_t.pgrst_scalar)->0, 'null')::text AS body,
          nullif(current_setting('response.headers', true), '') AS response_headers, nullif(current_setting('response.status', true), '') AS response_status,
          '' AS response_inserted FROM (SELECT "pgrst_source".* FROM "pgrst_source") _postgrest_t`,
        values: [body],
      });
      await client.query('COMMIT');
      const headers = Object.assign({}, ...JSON.parse(row.response_headers ?? '[]'));
      return {status: Number(row.response_status ?? 200), body: row.body, headers};
    } catch (error) {
      await client.query('ROLLBACK').catch(() => (broken = true));
      throw error instanceof Failure ? error : failure(error, Boolean(request.headers.authorization));
    } finally {
      client.release(broken);
    }
  }
}
