// Random DDL. A migration is a list of statements of one transaction; `aside` tells what puts back what other sessions must find.
import {types} from './types.mjs';

export const tables = {
  a: {},
  b: {},
  ledger: {},  // whose rows stay: each tells of a mutation
  p: {parts: true},
  u1: {owned: true},
  u2: {owned: true},
};

const columns = ['x', 'y', 'z'];
const typeNames = Object.keys(types);

const columnOf = random => {
  const type = random.pick(typeNames);
  return {type, literal: `${random.pick(types[type])}::${type}`};
};

export function create(name, random) {
  const {owned, parts} = tables[name];
  const own = columns.slice(0, 1 + random.below(3)).map(column => {
    const {type, literal} = columnOf(random);
    return `${column} ${type} DEFAULT ${literal}`;
  });
  // Client-made ids begin with a letter of the first half, those that the server makes with a digit.
  const list = ["id text DEFAULT gen_random_uuid() PRIMARY KEY", ...(owned ? ['owner text NOT NULL'] : []), 'tag bigint NOT NULL', ...own];
  if (random.chance(50)) list.push(list.shift());
  return [
    `CREATE TABLE ${name} (${list.join(', ')})${parts ? ' PARTITION BY RANGE (id)' : ''}`,
    ...(parts ? ["CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('h')", "CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM ('h') TO (MAXVALUE)"] : []),
  ];
}

export function track(name, random) {
  const options = [...(tables[name].owned ? ["space => 'owner'"] : []), ...(name !== 'ledger' && random.chance(25) ? ["value => 'public.value_of(id, tag)'"] : [])];
  return `SELECT replicache.track_table('${name}'${options.map(option => `, ${option}`).join('')})`;
}

export function expose(name, random) {
  const options = [`name => '${name}'`, `replace => ${random.chance(50)}`, ...(random.chance(20) ? ["conflict => 'merge'"] : [])];
  return `SELECT replicache.expose_crud('${name}', ${options.join(', ')})`;
}

const valueBodies = {
  sql: type => `sql AS $$ SELECT ${type}_build_object('tag', tag) $$`,
  plpgsql: type => `plpgsql AS $$ BEGIN IF tag % 5 = 0 THEN PERFORM pg_sleep(0.001); END IF; RETURN ${type}_build_object('tag', tag); END $$`,
};
export const valueOf = random => {
  const type = random.pick(['json', 'jsonb']);
  return {drop: 'DROP FUNCTION IF EXISTS value_of(text, bigint)', create: `CREATE FUNCTION value_of(id text, tag bigint) RETURNS ${type} LANGUAGE ${valueBodies[random.pick(['sql', 'plpgsql'])](type)}`};
};
const noteBodies = [
  "sql AS $$ INSERT INTO ledger (id, tag) VALUES (note.id, note.tag) $$",
  "plpgsql AS $$ BEGIN INSERT INTO ledger (id, tag) VALUES (note.id, note.tag); END $$",
  "plpgsql STRICT AS $$ BEGIN PERFORM pg_sleep(0.002); INSERT INTO ledger (id, tag) SELECT note.id, note.tag; END $$",
];
export const noteOf = random =>
  `FUNCTION note(id text, tag bigint, s small DEFAULT ${random.pick(['1003', '1004', '(1000 + 5)'])}) RETURNS void LANGUAGE ${random.pick(noteBodies)}`;

const isStable = name => name === 'ledger';

function alterColumn(name, random) {
  const column = random.pick(columns);
  const {type, literal} = columnOf(random);
  const table = `ALTER TABLE IF EXISTS ${name}`;
  return random.weigh([
    [6, () => [`${table} DROP COLUMN IF EXISTS ${column}, ADD COLUMN ${column} ${type} DEFAULT ${literal}${random.chance(30) ? ' NOT NULL' : ''}`]],
    [2, () => [`${table} ADD COLUMN IF NOT EXISTS ${column} ${type} DEFAULT ${literal}`]],
    [2, () => [`${table} DROP COLUMN IF EXISTS ${column}`]],
    [2, () => [`${table} DROP COLUMN IF EXISTS ${column}, ADD COLUMN ${column} smallint DEFAULT public.seventh()`]],  // writes all rows anew
    [6, () => [`${table} ALTER COLUMN ${column} DROP DEFAULT, ALTER COLUMN ${column} TYPE ${type} USING ${literal}`]],
    [2, () => [`${table} RENAME COLUMN ${column} TO ${random.pick(columns)}`]],
    [1, () => [`${table} ALTER COLUMN ${column} DROP DEFAULT`]],
    [1, () => [`${table} ALTER COLUMN ${column} SET NOT NULL`]],
    [1, () => [`${table} ALTER COLUMN ${column} DROP NOT NULL`]],
    [1, () => [`${table} ALTER COLUMN tag TYPE ${random.pick(['bigint', 'bigint', 'numeric'])}`, `${table} ALTER COLUMN tag TYPE bigint`]],
  ])();
}

function alterTable(name, random) {
  const table = `ALTER TABLE IF EXISTS ${name}`;
  // An index is named by its table, or a table that was put aside could not come back.
  return random.weigh([
    [2, () => [`${table} ADD CONSTRAINT positive CHECK (tag > 0)${random.chance(50) ? ' NOT VALID' : ''}`]],
    [1, () => [`${table} DROP CONSTRAINT IF EXISTS positive`]],
    [1, () => [`${table} ADD CONSTRAINT ${name}_once UNIQUE (id, tag)${random.chance(50) ? ' DEFERRABLE INITIALLY DEFERRED' : ''}`]],
    [1, () => [`${table} DROP CONSTRAINT IF EXISTS ${name}_once`]],
    [2, () => [`CREATE INDEX IF NOT EXISTS ${name}_tag ON ${name} (tag)`]],
    [1, () => [`DROP INDEX IF EXISTS ${name}_tag`]],
    [1, () => [`REINDEX TABLE ${name}`]],
    [1, () => [`ANALYZE ${name}`]],
    [1, () => [`GRANT SELECT ON ${name} TO PUBLIC`]],
    [1, () => [`CREATE TABLE child_of_${name} () INHERITS (${name})`, `INSERT INTO child_of_${name} (id, tag${tables[name].owned ? ', owner' : ''}) VALUES ('child', 1${tables[name].owned ? ", 'u'" : ''})`, `DROP TABLE child_of_${name}`]],
    [isStable(name) ? 0 : 2, () => [`TRUNCATE ${name}`]],
  ])();
}

/** Under another name for a while. */
function moveAside(name, random) {
  const [there, back] = random.pick([
    [`ALTER TABLE IF EXISTS public.${name} RENAME TO ${name}_aside`, `ALTER TABLE IF EXISTS public.${name}_aside RENAME TO ${name}`],
    [`ALTER TABLE IF EXISTS public.${name} SET SCHEMA aside`, `ALTER TABLE IF EXISTS aside.${name} SET SCHEMA public`],
    [`ALTER TABLE IF EXISTS public.${name} SET SCHEMA aside`, 'ALTER SCHEMA aside RENAME TO "aSide"', 'ALTER SCHEMA "aSide" RENAME TO aside', `ALTER TABLE IF EXISTS aside.${name} SET SCHEMA public`],
  ]);
  return random.chance(50) ? {statements: [there, back]} : {statements: [there], aside: [back]};
}

function partitions(random) {
  const part = random.pick(['p_1', 'p_2']);
  const bounds = part === 'p_1' ? "FROM (MINVALUE) TO ('h')" : "FROM ('h') TO (MAXVALUE)";
  return random.weigh([
    [3, () => ({statements: [`ALTER TABLE p DETACH PARTITION ${part}`], aside: [`ALTER TABLE p ATTACH PARTITION ${part} FOR VALUES ${bounds}`]})],
    [2, () => ({statements: [`ALTER TABLE p DETACH PARTITION ${part}`, `ALTER TABLE p ATTACH PARTITION ${part} FOR VALUES ${bounds}`]})],
    [2, () => ({statements: [`TRUNCATE ${part}`]})],
    // Its columns are in another order.
    [4, () => ({
      statements: [
        `ALTER TABLE p DETACH PARTITION ${part}`, `DROP TABLE ${part}`,
        `DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE ${part} (gone int, ' || string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END), ', ' ORDER BY attnum DESC) || ')' FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 0 AND NOT attisdropped); END $$`,
        `ALTER TABLE ${part} DROP COLUMN gone, ADD PRIMARY KEY (id)`,
        `INSERT INTO ${part} (id, tag, version) VALUES ('${part === 'p_1' ? 'b' : 'm'}new', 7, 0)`,
        `ALTER TABLE p ATTACH PARTITION ${part} FOR VALUES ${bounds}`,
      ],
    })],
    [2, () => ({statements: [`CREATE TABLE p_more (LIKE p)`, `DROP TABLE p_more`]})],
    [2, () => ({statements: [`DROP TABLE ${part}`, `CREATE TABLE ${part} PARTITION OF p FOR VALUES ${bounds}`]})],
  ])();
}

function functions(random) {
  const value = valueOf(random);
  return random.weigh([
    [3, () => ({statements: [value.drop, value.create]})],
    [1, () => ({statements: [value.drop], aside: [value.drop, value.create]})],
    [3, () => ({statements: [`CREATE OR REPLACE ${noteOf(random)}`]})],
    [2, () => ({statements: ['DROP FUNCTION IF EXISTS note', `CREATE ${noteOf(random)}`]})],
    [1, () => ({statements: ['DROP FUNCTION IF EXISTS note'], aside: [`CREATE OR REPLACE ${noteOf(random)}`]})],
    [1, () => ({statements: ["SELECT replicache.unregister_mutator('note')", "SELECT replicache.register_mutator('note', 'note(text, bigint, small)')"]})],
    [1, () => ({statements: ['ALTER DOMAIN small ADD CONSTRAINT below CHECK (VALUE < 100000)', 'ALTER DOMAIN small DROP CONSTRAINT below']})],
    [1, () => ({statements: ['ALTER DOMAIN word SET DEFAULT \'word one\'']})],
    [1, () => ({statements: [`ALTER TYPE color RENAME VALUE 'red' TO 'crimson'`], aside: [`ALTER TYPE color RENAME VALUE 'crimson' TO 'red'`]})],
    [1, () => ({statements: [`ALTER TYPE color ADD VALUE IF NOT EXISTS 'blue${random.below(100)}'`]})],
    [1, () => ({statements: [`ALTER TYPE pair ADD ATTRIBUTE z${random.below(1000)} int`]})],
    [1, () => ({statements: ['ALTER TYPE pair DROP ATTRIBUTE IF EXISTS y']})],
    [1, () => ({statements: ['ALTER TYPE pair ADD ATTRIBUTE y text']})],
  ])();
}

function registries(name, random) {
  return random.weigh([
    [3, () => ({statements: [track(name, random)]})],
    [isStable(name) ? 0 : 1, () => ({statements: [`SELECT replicache.untrack_table('${name}')`, ...(random.chance(50) ? [] : [track(name, random)])], aside: [track(name, random)]})],
    [3, () => ({statements: [expose(name, random)]})],
    [isStable(name) ? 0 : 1, () => ({statements: [`SELECT replicache.hide_crud('${name}')`], aside: [expose(name, random), `SELECT replicache.resync('${name}')`]})],
    [1, () => ({statements: [`SELECT replicache.resync('${name}')`]})],
    [isStable(name) ? 0 : 2, () => ({statements: [`DROP TABLE ${name}`, ...create(name, random), track(name, random), expose(name, random)]})],
  ])();
}

/** {statements, aside, alone: not in a transaction}. */
export function migration(random) {
  const name = random.pick(Object.keys(tables));
  return random.weigh([
    [8, () => ({statements: alterColumn(name, random)})],
    [3, () => ({statements: [...alterColumn(name, random), ...alterColumn(random.pick(Object.keys(tables)), random)]})],
    [3, () => ({statements: alterTable(name, random)})],
    [2, () => moveAside(name, random)],
    [3, () => partitions(random)],
    [3, () => functions(random)],
    [3, () => registries(name, random)],
    [1, () => ({statements: [`VACUUM FULL ${name === 'p' ? 'p_1' : name}`], alone: true})],
    [1, () => ({statements: [`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name}_later ON ${name === 'p' ? 'p_2' : name} (tag)`], alone: true})],
    [1, () => ({statements: [`DROP INDEX CONCURRENTLY IF EXISTS ${name}_later`], alone: true})],
  ])();
}

/** What track_table has to be called again after; until then, errors are all that clients get. */
export function roughMigration(random) {
  const name = random.pick(Object.keys(tables).filter(each => !isStable(each)));
  const again = [track(name, random)];
  return random.pick([
    {statements: [`ALTER TABLE ${name} DROP COLUMN version CASCADE`], aside: again},
    {statements: [`ALTER TABLE ${name} DROP COLUMN version, ADD COLUMN version ${random.pick(['numeric', 'text', 'float8', 'int', 'jsonb'])} DEFAULT '1'`], aside: [`ALTER TABLE ${name} DROP COLUMN version`, ...again]},
    {statements: [`ALTER TABLE ${name} ALTER COLUMN version TYPE ${random.pick(['numeric', 'int', 'float8'])}`], aside: [`ALTER TABLE ${name} ALTER COLUMN version TYPE bigint`, ...again]},
    {statements: [`ALTER TABLE ${name} RENAME COLUMN id TO key`], aside: [`ALTER TABLE ${name} RENAME COLUMN key TO id`]},
    {statements: [`ALTER TABLE ${name} DROP CONSTRAINT ${name}_pkey`], aside: [`ALTER TABLE ${name} ADD PRIMARY KEY (id)`, ...again]},
    {statements: [`ALTER TABLE ${name} DROP COLUMN id CASCADE`, `ALTER TABLE ${name} ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY`], aside: [`ALTER TABLE ${name} ALTER COLUMN id TYPE text`, ...again]},
    {statements: [`ALTER TABLE ${tables[name].owned ? name : 'u1'} DROP COLUMN owner CASCADE`, `ALTER TABLE ${tables[name].owned ? name : 'u1'} ADD COLUMN owner ${random.pick(['jsonb', 'float8', 'int[]', 'int'])}`],
      aside: [`DROP TABLE ${tables[name].owned ? name : 'u1'}`, ...create(tables[name].owned ? name : 'u1', random), track(tables[name].owned ? name : 'u1', random), expose(tables[name].owned ? name : 'u1', random)]},
    {statements: [`DROP TRIGGER "~replicache_stamp" ON ${name}`], aside: again},
  ]);
}
