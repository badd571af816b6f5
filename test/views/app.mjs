// A random application: its tables, who may see what, how it is tracked, and the query that tells what a client must have.
const users = ['ann', 'ben', 'cat', null];
export const roles = ['reader', 'editor'].map(name => `${process.env.PGDATABASE}_${name}`);
export const lists = [1, 2, 3, 4, 5, 6];

const memberships = {
  in: 't.list_id IN (SELECT s.list_id FROM share s WHERE s.user_id = who())',
  any: 't.list_id = ANY (ARRAY(SELECT s.list_id FROM share s WHERE s.user_id = who()))',
  exists: 'EXISTS (SELECT FROM share s WHERE s.list_id = t.list_id AND s.user_id = who())',
  function: 'may(t.list_id)',
};
const permissive = using => ({using: using.replaceAll('t.', 'doc.')});

/** Policies of the table doc by name of the form. `steady`: what a user may see follows from the snapshot. */
const forms = {
  ...Object.fromEntries(Object.entries(memberships).map(([name, using]) => [name, {policies: [permissive(using)]}])),
  several: {policies: [
    permissive(memberships.in), {using: 'author = who()'}, {as: 'RESTRICTIVE', using: 'NOT secret OR author = who()'},
  ]},
  roles: {unsteady: true, policies: [{to: roles[0], using: `NOT secret AND ${permissive(memberships.any).using}`}, {to: roles[1], ...permissive(memberships.exists)}]},
  tick: {policies: [permissive(`${memberships.any} AND opens <= (SELECT at FROM tick)`)]},
  now: {unsteady: true, policies: [permissive(`${memberships.in} AND opens_at <= now()`)]},
  none: {policies: []},
};

const keys = {
  int: {type: 'int', of: 'n'},
  uuid: {type: 'uuid', of: 'md5(n::text)::uuid', more: 4},  // a cookie holds 180 of them
  text: {type: 'text', of: "'é/%' || md5(n::text) || md5(n::text || '.')"},
  composite: {type: 'text', of: "md5(n::text) || '%' || md5(n::text || '.')", composite: true},
};

export class App {
  constructor(random) {
    const {pick, weigh, chance} = random;
    this.clock = pick(['counter', 'time', 'transaction', 'transaction']);
    this.mode = weigh([[5, 'private'], [2, 'window'], [2, 'extent'], [3, 'parts']]);
    this.form = pick(this.mode === 'parts' ? ['in', 'any', 'exists', 'function', 'none'] : Object.keys(forms).filter(form => form !== 'none' || this.mode !== 'private'));
    this.key = pick(Object.keys(keys));
    this.spaces = chance(35) ? ['A', 'B'] : [''];
    this.soft = chance(35);
    this.partitioned = chance(30);
    this.ownValue = chance(40);
    this.shares = this.spaces[1] ? undefined : pick([undefined, undefined, 'public', 'private']);  // how share is tracked
    this.page = chance(30) ? pick(['4kB', '16kB']) : undefined;
    this.rows = 150 * (keys[this.key].more ?? 1);
    this.tracking = this.mode;  // or public, or none
  }

  get steady() { return !forms[this.form].unsteady; }
  get users() { return users; }
  toString() {
    const {clock, mode, form, key, soft, partitioned, ownValue, shares, spaces, page} = this;
    return [clock, mode, form, `${key} keys`, spaces[1] && 'spaces', soft && 'soft deletion', partitioned && 'partitions', ownValue && 'value', shares && `${shares} shares`, page && `pages of ${page}`].filter(Boolean).join(', ');
  }

  get filter() {
    const {composite} = keys[this.key];
    return {
      window: `${composite ? '(t.list_id, t.id)' : 't.id'} IN (SELECT ${composite ? 'i.list_id, ' : ''}i.id FROM doc i WHERE NOT i.gone ORDER BY i.rank DESC, i.list_id, i.id LIMIT 20)`,
      extent: 't.list_id IN (SELECT e.list_id FROM extent e WHERE e.owner = client_group())',
    }[this.tracking];
  }
  get value() { return this.ownValue ? "jsonb_build_object('title', upper(t.title), 'list', t.list_id)" : undefined; }

  create() {
    const {type, of, composite} = keys[this.key];
    return [
      `CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE AS
        $$ SELECT coalesce(replicache.current_user_id(), nullif(current_setting('app.user', true), ''), 'nobody') $$`,
      `CREATE FUNCTION client_group() RETURNS text LANGUAGE sql STABLE AS
        $$ SELECT coalesce(replicache.current_client_group_id(), current_setting('app.group', true)) $$`,
      'CREATE TABLE share (user_id text, list_id int, PRIMARY KEY (user_id, list_id))',
      'CREATE TABLE extent (owner text, list_id int, PRIMARY KEY (owner, list_id))',
      'CREATE TABLE tick (at int NOT NULL); INSERT INTO tick VALUES (1)',
      `CREATE FUNCTION may(list int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS
        $$ SELECT EXISTS (SELECT FROM public.share WHERE user_id = public.who() AND list_id = list) $$`,
      `CREATE FUNCTION key_of(n int) RETURNS ${type} LANGUAGE sql IMMUTABLE AS $$ SELECT ${of} $$`,
      `CREATE TABLE doc (id ${type} NOT NULL, list_id int NOT NULL, board text NOT NULL, title text, rank int NOT NULL, author text, secret boolean NOT NULL DEFAULT false,
        gone boolean NOT NULL DEFAULT false, opens int NOT NULL DEFAULT 0, opens_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (${composite ? 'list_id, ' : ''}id))${this.partitioned ? ' PARTITION BY HASH (id)' : ''}`,
      ...(this.partitioned ? [0, 1, 2].map(i => `CREATE TABLE doc_${i} PARTITION OF doc FOR VALUES WITH (MODULUS 3, REMAINDER ${i})`) : []),
      'CREATE INDEX ON doc (list_id)',
      'CREATE TABLE tag (id int PRIMARY KEY, board text NOT NULL, title text)',
      `CREATE FUNCTION put_doc(n int, list int, title text) RETURNS void LANGUAGE sql AS $$
        INSERT INTO doc (id, list_id, board, title, rank, author) VALUES (key_of(n), list, coalesce(nullif(replicache.current_space(), ''), 'A'), title, n, replicache.current_user_id())
        ON CONFLICT (${composite ? 'list_id, ' : ''}id) DO UPDATE SET list_id = excluded.list_id, title = excluded.title, gone = false $$`,
      'CREATE FUNCTION drop_doc(n int) RETURNS void LANGUAGE sql AS $$ DELETE FROM doc WHERE id = key_of(n) $$',
      `CREATE FUNCTION set_extent(list int, wanted boolean) RETURNS void LANGUAGE sql AS $$
        DELETE FROM extent WHERE owner = replicache.current_client_group_id() AND list_id = list;
        INSERT INTO extent SELECT replicache.current_client_group_id(), list WHERE wanted $$`,
      "SELECT replicache.register_mutator('putDoc', 'put_doc(int, int, text)'), replicache.register_mutator('dropDoc', 'drop_doc(int)'), replicache.register_mutator('setExtent', 'set_extent(int, boolean)')",
      `SELECT ${this.spaces.map(space => `replicache.create_space('${space}', '${this.clock}')`)}`,
      `SELECT ${roles.map(role => `replicache.grant_usage('${role}')`)}`,
      `GRANT SELECT ON share, extent, tick, doc, tag TO ${roles}`,
      ...this.policies(),
      `INSERT INTO doc (id, list_id, board, title, rank, author) SELECT key_of(n), 1 + n % 6, chr(65 + n % 7 % 2), 'title ' || n, n, (ARRAY['ann', 'ben'])[1 + n % 5] FROM generate_series(1, ${this.rows}) n`,
      "INSERT INTO tag SELECT n, chr(65 + n % 2), 'tag ' || n FROM generate_series(1, 6) n",
      "INSERT INTO share VALUES ('ann', 1), ('ann', 2), ('ann', 3), ('ben', 3), ('ben', 4), ('nobody', 6)",
      "INSERT INTO extent SELECT 'g' || n, list FROM generate_series(1, 9) n, unnest('{1,3,6}'::int[]) list",
      this.track(),
      `SELECT replicache.track_table('tag'${this.spaces[1] ? ", space => 'board'" : ''})`,
      ...(this.shares ? [`SELECT replicache.track_table('share'${this.shares === 'private' ? ", filter => 't.user_id = who()'" : ''})`] : []),
    ];
  }

  policies() {
    const {policies} = forms[this.form];
    if (!policies.length) return ['ALTER TABLE doc DISABLE ROW LEVEL SECURITY'];
    return ['ALTER TABLE doc ENABLE ROW LEVEL SECURITY',
      ...policies.map(({as, to, using}, i) => `CREATE POLICY p${i} ON doc ${as ? `AS ${as} ` : ''}FOR SELECT ${to ? `TO ${to} ` : ''}USING (${using})`)];
  }
  /** Other policies in place of these. */
  change(random) {
    const drop = forms[this.form].policies.map((_, i) => `DROP POLICY p${i} ON doc`);
    return {form: random.pick(['in', 'any', 'exists', 'function', 'several', 'tick']), drop};
  }

  track() {
    if (this.tracking === 'none') return "SELECT replicache.untrack_table('doc')";
    const options = {
      private: this.tracking === 'private' ? 'true' : undefined,
      filter: this.filter && `$$${this.filter}$$`,
      part: this.tracking === 'parts' ? "'list_id'" : undefined,
      parts: this.tracking === 'parts' ? '$$SELECT s.list_id FROM share s WHERE s.user_id = who()$$' : undefined,
      space: this.spaces[1] ? "'board'" : undefined,
      deleted: this.soft ? "'gone'" : undefined,
      value: this.value && `$$${this.value}$$`,
    };
    return `SELECT replicache.track_table('doc'${Object.entries(options).filter(([, value]) => value).map(([name, value]) => `, ${name} => ${value}`).join('')})`;
  }

  /** One row: what a client in the space must have. For the role and the settings app.user and app.group. */
  truth(space) {
    const text = column => `replace(replace(${column}::text, '%', '%25'), '/', '%2F')`;
    const of = alias => (this.spaces[1] ? `${alias}.board = '${space}'` : 'true');
    const parts = this.tracking === 'parts' ? ' AND t.list_id IN (SELECT s.list_id FROM share s WHERE s.user_id = who())' : '';
    const doc = `SELECT 'doc/' || ${keys[this.key].composite ? "t.list_id || '/' || " : ''}${text('t.id')} AS key,
      ${this.value ?? `to_jsonb(t) - 'version'${this.soft ? " - 'gone'" : ''}`} AS value FROM doc t
      WHERE ${of('t')}${this.soft ? ' AND NOT t.gone' : ''}${this.filter ? ` AND ${this.filter}` : ''}${parts}`;
    return `SELECT coalesce(json_object_agg(key, value), '{}') AS truth FROM (${[
      ...(['public', 'none'].includes(this.tracking) ? [] : [doc]),
      `SELECT 'tag/' || g.id AS key, to_jsonb(g) - 'version' AS value FROM tag g WHERE ${of('g')}`,
      ...(this.shares ? [`SELECT 'share/' || s.user_id || '/' || s.list_id, to_jsonb(s) - 'version' FROM share s${this.shares === 'private' ? ' WHERE s.user_id = who()' : ''}`] : []),
    ].join(' UNION ALL ')}) t`;
  }
}
