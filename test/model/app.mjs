// The application of the programs, for the model: what schema.sql is for the server.
import {SqlError} from './model.mjs';

const escape = text => String(text).replaceAll('%', '%25').replaceAll('/', '%2F');

export const tables = {
  note: {
    key: row => `note/${escape(row.id)}`,
    space: () => '',
    bySpace: false,
    value: row => row,
    check: row => {
      if (row.n > 10) throw new SqlError('23514');
    },
  },
  card: {key: row => `card/${row.id}`, space: row => row.board, bySpace: true, value: row => row},
  page: {key: row => `page/${row.id}`, space: row => row.book, bySpace: true, value: ({gone, ...row}) => row, gone: row => row.gone},
};

const putNote = (db, {id, text, n = 0}) => db.upsert('note', {id, text, n});
const putCard = (db, {id, board, title}) => db.upsert('card', {id, board, title});

/** By name, as pushes call them: the parameters (? for those with a default) and what is done. */
const functions = {
  put_note: ['id text n?', putNote],
  add: ['id by?', (db, {id, by = 1}) => {
    const row = db.get('note', id);
    if (row) db.update('note', id, {n: row.n + by});
  }],
  delete_note: ['id', (db, {id}) => db.get('note', id) && db.bury('note', db.get('note', id))],
  copy_note: ['source target', (db, {source, target}) => {
    const row = db.get('note', source);
    if (!row) throw new SqlError('P0002');
    putNote(db, {id: target, text: row.text + '+', n: row.n});
  }],
  put_card: ['id board title', putCard],
  delete_card: ['id', (db, {id}) => db.get('card', id) && db.bury('card', db.get('card', id))],
  put_page: ['id book title gone?', (db, {id, book, title, gone = false}) => db.upsert('page', {id, book, title, gone})],
  pair: ['text board', (db, {text, board}) => {
    putNote(db, {id: 'pair', text});
    putCard(db, {id: 9, board, title: text});
  }],
  raise_after: ['id code', (db, {id, code}) => {
    putNote(db, {id, text: 'never to be seen'});
    throw new SqlError(code);
  }],
  who: ['', (db, args, {user, space, group, client, id}) =>
    putNote(db, {id: 'who', text: `[${[user, space, group, client, id].map(each => JSON.stringify(each)).join(', ')}]`})],
};

export const mutators = Object.fromEntries(Object.entries(functions).map(([name, [parameters, work]]) => [name, (db, args, context) => {
  const known = parameters.split(' ');
  const missing = known.filter(each => each && !each.endsWith('?') && !(each in args));
  if (missing.length || Object.keys(args).some(each => !known.includes(each) && !known.includes(each + '?'))) throw new SqlError('22023');
  work(db, args, context);
}]));

const each = (db, table, which, work) => db.all(table).filter(which).forEach(work);

/** What psql, cron jobs and other services do: SQL (in which :name is a literal), and what it means. */
export const writes = {
  insertNote: ['INSERT INTO note (id, text) VALUES (:id, :text)', (db, {id, text}) => db.insert('note', {id, text, n: 0})],
  rekeyNote: ['UPDATE note SET id = :to WHERE id = :id', (db, {id, to}) => db.get('note', id) && db.update('note', id, {id: to})],
  setNotes: ['UPDATE note SET text = :text', (db, {text}) => each(db, 'note', () => true, row => db.update('note', row.id, {text}))],
  keepNotes: ['UPDATE note SET n = n', () => {}],
  deleteNotes: ['DELETE FROM note WHERE n = 0', db => each(db, 'note', row => row.n === 0, row => db.bury('note', row))],
  insertCards: [
    "INSERT INTO card (id, board, title) VALUES (:id, 'A', :text), (:id + 1, 'B', :text)",
    (db, {id, text}) => ['A', 'B'].forEach((board, i) => db.insert('card', {id: id + i, board, title: text})),
  ],
  rekeyCard: ['UPDATE card SET id = :to WHERE id = :id', (db, {id, to}) => db.get('card', id) && db.update('card', id, {id: to})],
  moveCards: ['UPDATE card SET board = :board', (db, {board}) => each(db, 'card', () => true, row => db.update('card', row.id, {board}))],
  deleteCards: ['DELETE FROM card WHERE board = :board', (db, {board}) => each(db, 'card', row => row.board === board, row => db.bury('card', row))],
  movePage: ['UPDATE page SET book = :board, title = :text WHERE id = :id', (db, {id, board, text}) => db.get('page', id) && db.update('page', id, {book: board, title: text})],
  gonePages: ['UPDATE page SET gone = :gone', (db, {gone}) => each(db, 'page', () => true, row => db.update('page', row.id, {gone}))],
  deletePage: ['DELETE FROM page WHERE id = :id', (db, {id}) => db.get('page', id) && db.bury('page', db.get('page', id))],
  truncate: ['TRUNCATE :table', (db, {table}) => db.truncate(table)],
  track: ['SELECT model_track(:table)', (db, {table}) => db.track(table)],
  untrack: ['SELECT replicache.untrack_table(:table)', (db, {table}) => db.untrack(table)],
  resync: ['SELECT replicache.resync(:table)', (db, {table}) => db.resync(table)],
};
