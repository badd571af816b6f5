// Types of columns. Their values are few and unlike those of other types, so that whatever else is in an answer gives itself away.

export const types = {
  text: ["'text one'", "'text two'"],
  'varchar(20)': ["'varchar one'"],
  int: ['1001', '1002'],
  bigint: ['5000000001'],
  smallint: ['101'],
  boolean: ['true', 'false'],
  float8: ['0.5', '1.5'],
  numeric: ['12.25'],
  date: ["'2020-01-02'"],
  timestamptz: ["'2020-01-02 03:04:05Z'"],
  uuid: ["'aaaaaaaa-0000-4000-8000-000000000001'"],
  json: ['\'{"j":1}\''],
  jsonb: ['\'{"j":2}\''],
  'int[]': ["'{7,8}'"],
  'text[]': ["'{seven,eight}'"],
  color: ["'red'", "'green'"],
  pair: ["ROW(11, 'pair')"],
  small: ['1003'],
  word: ["'word one'"],
};

const known = new Set([
  null, 'text one', 'text two', 'varchar one', 1001, 1002, 5000000001, 101, true, false, 0.5, 1.5, 12.25, '2020-01-02', '2020-01-02T03:04:05+00:00',
  'aaaaaaaa-0000-4000-8000-000000000001', {j: 1}, {j: 2}, [7, 8], ['seven', 'eight'], 'red', 'green', 'crimson', 1003, 'word one',
]
  // … also as text, where such a column takes them.
  .flatMap(value => [value, value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value)])
  .concat('2020-01-02T00:00:00+00:00', [['7', '8']], '{"x":11,"y":"pair"}', 1, 0)
  .map(value => JSON.stringify(value)));

const isPair = ({x, y, ...more}) => (x === 11 || x === null) && (y === 'pair' || y === null || y === undefined) && Object.values(more).every(value => value === null);

/** Whether a client may find this in a column of any of the types. */
export const isKnown = value => known.has(JSON.stringify(value)) || (value !== null && typeof value === 'object' && !Array.isArray(value) && 'x' in value && isPair(value));
