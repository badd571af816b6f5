// What becomes of a change when the same row was changed elsewhere.
import {isDeepStrictEqual} from 'node:util';

export const strategies = [
  'server',  // the server's row stands
  'client',  // ours does
  'last',    // the one that was changed last
  'merge',   // each field by itself: ours where only we changed it, where both did the last
];

/**
 * `mine`, {data, at} or {gone, at}, was done to a row that was `before`, null if it was not; the server has `theirs` since
 * `timestamp`, null if it was deleted; `sent` is the row after each push of which we do not know whether it arrived. Gives
 * what is still to be sent, in the form of `mine`, or null.
 */
export function resolve(strategy, {before, sent, theirs, timestamp, mine}) {
  const same = (a, b, field) => isDeepStrictEqual(a[field], b[field]);
  // What we left to the server when we made the row, such as a default, is no change.
  const versions = before ? [before, ...sent] : sent;
  const known = field => versions.length === 0 || versions.some(version => field in version);
  const theyChanged = field => known(field) && !versions.some(version => same(theirs, version, field));
  const wins = strategy === 'client' || (strategy !== 'server' && mine.at > timestamp);
  const whole = Object.assign({}, ...versions, mine.data);

  if (!theirs) return !mine.gone && wins ? {data: whole, at: mine.at} : null;
  const conflict = Object.keys(theirs).some(theyChanged);
  if (mine.gone) return !conflict || wins ? mine : null;

  // What the server has already needs no sending, whoever brought it there.
  const differing = (data, condition = () => true) => {
    const fields = Object.keys(data).filter(field => !same(data, theirs, field) && condition(field));
    return fields.length ? {data: Object.fromEntries(fields.map(field => [field, data[field]])), at: mine.at} : null;
  };
  if (!conflict) return differing(mine.data);
  if (strategy === 'merge') return differing(mine.data, field => wins || !theyChanged(field));
  return wins ? differing(whole) : null;
}
