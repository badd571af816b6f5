// Writes of rows instead of calls of mutators: uploads in the shape in which PowerSync's clients have them, and who applies them.
import {args} from './driver.mjs';

const USER = 'ann';
const changed = 'Changed: ';

const rowChange = (op, {id, ...data}) => ({op, type: 'message', id, data});
/** Change number n. A PUT is a new row; the others are of rows that are there, and a PATCH changes what it sets. */
export const changes = {
  put: (n) => rowChange('PUT', args('m', n)),
  patch: (n) => rowChange('PATCH', {id: args('b', n).id, content: changed + args('b', n).content}),
  delete: (n) => ({op: 'DELETE', type: 'message', id: args('b', n).id}),
};
/** Five PUTs, four PATCHes and a DELETE out of ten, not sorted: the next one is seldom of the same kind. */
const mix = (n) => ['put', 'patch', 'put', 'put', 'patch', 'patch', 'put', 'delete', 'patch', 'put'][n % 10];
changes.mixed = (n) => changes[mix(n)](n);

/** How many of the mixed changes 1 to n are of this kind. */
const share = (kind, n) => Array.from({length: n}, (_, i) => i + 1).filter((i) => mix(i) === kind).length;

/** The changes 1 to n of a table that had `rows` rows before are made, and no others. */
export async function expectMade(contender, kind, n, rows) {
  const made = {
    put: "count(*) FILTER (WHERE id LIKE 'm%')",
    patch: `count(*) FILTER (WHERE content LIKE '${changed}%')`,
    delete: `${rows} - count(*) FILTER (WHERE id LIKE 'b%' AND NOT deleted)`,
  };
  for (const [one, sql] of Object.entries(made)) {
    const expected = kind === 'mixed' ? share(one, n) : kind === one ? n : 0;
    const found = Number(await contender.session.sql(`SELECT ${sql} FROM message`));
    if (found !== expected) throw new Error(`${contender.name} made ${found} changes of the kind ${one} instead of ${expected}`);
  }
}

/** Bodies of uploads: the changes from `first` on, those of each upload in one transaction of the client's, or each in one. */
export function uploads({client, change, batch, count, first = 1, apart = false}) {
  const result = [];
  for (let upload = 0, n = first; upload < count; upload++) {
    const crud = [];
    for (let i = 0; i < batch; i++, n++) crud.push({op_id: n, tx_id: apart ? n : first + upload, ...change(n)});
    result.push(JSON.stringify({client_id: client, ...(apart ? {batch: crud} : {transactions: [{crud}]})}));
  }
  return result;
}

const ours = {
  scripts: ['ours', 'exposed'], mutator: 'create_message(jsonb)',
  push: (session, body) => session.run('upload', 'SELECT replicache.powersync_upload($1, $2)', [body, USER]),
};
const tombstones = {...ours, scripts: ['ours', 'tombstones', 'exposed']};

/** One statement per upload, for just this kind of change: what there is to read of it, and what is done with that. */
const byHand = (name, columns, statement) => ({
  push: (session, body) => session.run(name, `WITH v AS (UPDATE space SET version = version + 1 WHERE id = '' RETURNING version),
    c AS (SELECT * FROM json_to_recordset($1::json #> '{transactions,0,crud}') AS c(${columns})) ${statement}`, [body]),
});
const setPut = byHand('put', 'id text, data message_args', `
    INSERT INTO message SELECT c.id, (data).sender, (data).content, (data).ord, false, v.version FROM v, c
    ON CONFLICT (id) DO UPDATE SET sender = excluded.sender, content = excluded.content, ord = excluded.ord, version = excluded.version`);
const setPatch = byHand('patch', 'id text, data message_patch', `
    UPDATE message m SET content = (c.data).content, version = v.version FROM v, c WHERE m.id = c.id`);
const setDelete = byHand('delete', 'id text', 'UPDATE message m SET deleted = true, version = v.version FROM v, c WHERE m.id = c.id');
const setRealDelete = byHand('realDelete', 'id text', 'DELETE FROM message m USING c WHERE m.id = c.id');

/** What a change is in SQL where the table is any and its columns are those that `data` has: a row out of JSON. */
function nodeStatement(op, columns) {
  const row = 'WITH r AS (SELECT (json_populate_record(NULL::message, $1::json)).*)';
  const set = (from) => columns.map((column) => `"${column}" = ${from}."${column}"`).join(', ');
  if (op === 'DELETE') return `${row} DELETE FROM message USING r WHERE message.id = r.id`;
  if (op === 'PATCH') return `${row} UPDATE message SET ${set('r')} FROM r WHERE message.id = r.id`;
  const names = ['id', ...columns].map((column) => `"${column}"`).join(', ');
  return `${row} INSERT INTO message (${names}) SELECT ${names} FROM r ON CONFLICT (id) DO UPDATE SET ${set('excluded')}`;
}

/** A backend after PowerSync's demo: a transaction, a statement per change. That the statements are prepared is more than it does. */
async function nodeUpload(session, body) {
  const {transactions: [{crud}]} = JSON.parse(body);
  await session.run('begin', 'BEGIN');
  try {
    for (const {op, id, data = {}} of crud) {
      const columns = Object.keys(data);
      await session.run([op, ...columns].join(), nodeStatement(op, columns), [JSON.stringify({...data, id})]);
    }
    await session.run('commit', 'COMMIT');
  } catch (error) {
    await session.run('rollback', 'ROLLBACK');
    throw error;
  }
}

/** Contenders: what they are called says what they are sent. */
export const kinds = {
  'ours, PUT': ours, 'ours, PUT, a transaction each': {...ours, apart: true}, 'ours, PATCH': ours, 'ours, DELETE': ours,
  'ours, DELETE, tombstones': tombstones,
  'set, PUT': setPut, 'set, PATCH': setPatch, 'set, DELETE': setDelete, 'set, DELETE, for good': setRealDelete,
  'ours, upload': ours, 'node, upload': {push: nodeUpload, slow: true},
};
