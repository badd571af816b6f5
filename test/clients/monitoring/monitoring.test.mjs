// The alarms, the queries and the dashboard of examples/monitoring, and docs/alarms.md: they run, they parse, and none is missing.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {readFile, rm, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {after, before, describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {parser} from '@prometheus-io/lezer-promql';
import pg from 'pg';
import {parse} from 'yaml';

const read = path => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const setup = await read('examples/monitoring/setup.sql');
const collector = parse(await read('examples/monitoring/replicache.collector.yml'));
const {groups} = parse(await read('examples/monitoring/alerts.yml'));
const dashboard = JSON.parse(await read('examples/monitoring/dashboard.json'));
const page = await read('docs/alarms.md');

const rules = groups.flatMap(({rules}) => rules);
const role = `replicache_monitor_${process.pid}`;
const name = `monitoring_${process.pid}`;

async function maintain(...statements) {
  const client = new pg.Client({database: process.env.PGDATABASE ?? 'postgres'});
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

describe('monitoring', () => {
  let owner, monitor, topics;
  before(async () => {
    await maintain(`CREATE DATABASE ${name}`);
    owner = new pg.Pool({database: name});
    await owner.query('CREATE EXTENSION replicache_ext');
    await owner.query(setup.replaceAll('replicache_monitor', role));
    // Something to see: a rejected mutation, a client, a space.
    await owner.query(`CREATE TABLE t (id int PRIMARY KEY); SELECT replicache.track_table('t'); SELECT replicache.apply_push('{"pushVersion":1, "clientGroupID":"g",
      "mutations":[{"clientID":"c", "id":1, "name":"nothing", "args":{}}]}', 'ann')`);
    monitor = new pg.Pool({database: name, user: role});
    for (const pool of [owner, monitor]) pool.on('error', () => {});
    topics = (await owner.query('SELECT topic FROM replicache.status()')).rows.map(({topic}) => topic).sort();
  });
  after(async () => {
    await owner?.end();
    await monitor?.end();
    await maintain(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `DROP ROLE IF EXISTS ${role}`);
  });

  test('each query of the collector runs as the role of setup.sql, and gives the columns that are declared', async () => {
    assert.ok(collector.metrics.length >= 3);
    for (const {metric_name, query, values, key_labels = []} of collector.metrics) {
      const {rows, fields} = await monitor.query(query);
      assert.ok(rows.length > 0, metric_name);
      assert.deepEqual(fields.map(({name}) => name).sort(), [...values, ...key_labels].sort(), metric_name);
      for (const row of rows) for (const value of values) assert.ok(Number.isFinite(Number(row[value])), metric_name);
    }
  });

  test('each query of the dashboard runs as the role of setup.sql', async () => {
    const targets = dashboard.panels.flatMap(({title, targets}) => targets.map(target => ({title, ...target})));
    assert.ok(targets.length >= 12);
    // What Grafana makes of its macros.
    const expand = sql => sql
      .replace(/\$__timeGroupAlias\((\w+), \$__interval\)/g, `floor(extract(epoch from $1) / 60) * 60 AS "time"`)
      .replace(/\$__timeFilter\((\w+)\)/g, `$1 BETWEEN now() - interval '6 hours' AND now()`);
    for (const {title, rawSql, format} of targets) {
      const sql = expand(rawSql);
      assert.doesNotMatch(sql, /\$/, title);
      const {rows, fields} = await monitor.query(sql);
      if (format === 'time_series') assert.deepEqual([fields[0].name, rows.length > 0], ['time', true], title);
      else assert.ok(rows.length > 0 || title === 'Who waits for whom', title);
    }
    for (const {datasource} of [...dashboard.panels, ...targets]) assert.deepEqual(datasource, {type: 'grafana-postgresql-datasource', uid: '${datasource}'});
    const ids = dashboard.panels.map(({id}) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const {gridPos: {x, w}} of dashboard.panels) assert.ok(x + w <= 24);
  });

  // Grafana itself is not at hand; the types of its dashboards are.
  test('the dashboard and its panels are what Grafana declares', async () => {
    const panels = {stat: 'StatPanelCfg', timeseries: 'TimeSeriesPanelCfg', table: 'TablePanelCfg'};
    const from = type => `@grafana/schema/dist/esm/raw/composable/${type}/panelcfg/x/${panels[type]}_types.gen`;
    const written = [`import type {Dashboard, FieldConfigSource} from '@grafana/schema';`,
      ...Object.keys(panels).map(type => `import type {Options as ${type}} from '${from(type)}';`),
      // JSON has the values of enums. Grafana chooses the current value of a variable that has none, and the options that a panel leaves out.
      'type Json<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T : T extends object ? {[K in keyof T]: K extends "current" ? object : Json<T[K]>} : T;',
      `export const dashboard: Json<Dashboard> = ${JSON.stringify(dashboard)};`,
      ...dashboard.panels.map(({id, type, options, fieldConfig}) => `export const panel${id}: [Partial<Json<${type}>>, Json<FieldConfigSource>] = [${JSON.stringify(options)}, ${JSON.stringify(fieldConfig)}];`)];
    const file = fileURLToPath(new URL(`dashboard.${process.pid}.ts`, import.meta.url));
    await writeFile(file, written.join('\n'));
    try {
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
      const {status, stdout} = spawnSync(process.execPath, [tsc, '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'preserve', file], {encoding: 'utf8'});
      assert.deepEqual([status, stdout], [0, '']);  // without the status, a compiler that does not start would do
    } finally {
      await rm(file);
    }
  });

  test('monitoring sees no users, clients and arguments', async () => {
    for (const table of ['mutation_error', 'client', 'client_group', 'space'])
      await assert.rejects(monitor.query(`SELECT FROM replicache.${table}`), {code: '42501'});
  });

  test('each alarm is PromQL, and is about a metric and a topic that there are', () => {
    const metrics = collector.metrics.map(({metric_name}) => metric_name);
    const watched = new Set();
    for (const {alert, expr} of rules) {
      let broken = false;
      parser.parse(expr).iterate({enter: node => { broken ||= node.type.isError; }});
      assert.ok(!broken, `${alert}: ${expr}`);
      const used = Array.from(expr.matchAll(/\b(replicache_\w+)(?:\{topic=~?"([^"]*)"\})?/g));
      assert.ok(used.length > 0, alert);
      for (const [, metric, some] of used) {
        assert.ok(metrics.includes(metric), `${alert}: ${metric}`);
        assert.equal(some !== undefined, metric === 'replicache_status', alert);
        for (const topic of some?.split('|') ?? []) watched.add(topic);
      }
    }
    assert.deepEqual([...watched].sort(), topics);
    assert.equal(new Set(rules.map(({alert}) => alert)).size, rules.length);
  });

  test('each alarm leads to a section that says what to do, and each topic has one', () => {
    const sections = page.split(/^## /m).slice(1).map(text => ({heading: text.split('\n')[0], text}));
    const anchors = sections.map(({heading}) => heading.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
    for (const {alert, expr, labels, annotations} of rules) {
      const [path, anchor] = annotations.runbook.split('#');
      assert.equal(path, 'docs/alarms.md', alert);
      const section = sections[anchors.indexOf(anchor)];
      assert.ok(section, `${alert}: ${anchor}`);
      assert.ok(['critical', 'warning', 'info'].includes(labels.severity) && annotations.summary, alert);
      // The section is about what the alarm watches.
      const [, topic] = /topic=~?"(\w+)/.exec(expr) ?? [];
      if (topic && alert !== 'ReplicacheNoStatus') assert.ok(section.heading.includes(`\`${topic}\``), alert);
    }
    const named = sections.flatMap(({heading}) => Array.from(heading.matchAll(/`(\w+)`/g), ([, topic]) => topic));
    assert.deepEqual(named.sort(), topics);
    for (const {heading, text} of sections.filter(({heading}) => heading.includes('`')))
      for (const part of ['**It means**', '**Look**', '**Do', '```sql']) assert.ok(text.includes(part), `${heading}: ${part}`);
  });
});
