// A change is read once, and sent to all pages. This works where all users see the same.
import {randomUUID} from 'node:crypto';
import {begin, listen} from './pokes.mjs';

/** The handlers of pulls and of streams. `connect` makes a client of the database, not yet connected. */
export function fanout(pool, connect, name) {
  const pages = new Map(); // {stream, group, cookie, sent} of each. A page without a cookie is just pulling, or has to pull.
  const idOf = request => `${request.user} ${request.get('X-Page') ?? request.query.page ?? randomUUID()}`;

  function stream(request, response) {
    const id = idOf(request);
    const page = {stream: begin(response)};
    pages.set(id, page);
    response.on('close', () => {
      page.cookie = undefined;
      if (pages.get(id) === page) pages.delete(id);
    });
  }

  // Comes before the handler of a pull, which sets response.locals.cookie to the cookie of its answer.
  function pull(request, response, next) {
    const page = pages.get(idOf(request));
    if (!page) return next();
    const sent = forget(page);
    page.pull = request;
    response.on('finish', () => {
      if (page.pull !== request || !response.locals.cookie) return;
      const {clientGroupID, cookie} = JSON.parse(request.body);
      if (!clientGroupID) return;
      page.group = clientGroupID;
      page.cookie = JSON.parse(response.locals.cookie);
      page.sent = undefined;
      // The page did not know yet what it was sent last. If it takes that first, it drops this answer.
      if (sent && JSON.stringify(sent) !== JSON.stringify(cookie)) ask(page);
    });
    next();
  }

  // Returns what the page was sent last, which may still be on its way.
  function forget(page) {
    page.sent = page.cookie ?? page.sent;
    page.cookie = undefined;
    return page.sent;
  }

  // A page that reads slowly is asked when it has read what it was sent, so that nothing piles up here.
  function ask(page) {
    forget(page);
    if (!page.stream.writableNeedDrain) page.stream.write('data: pull\n\n');
    else if (page.stream.listenerCount('drain') === 0) page.stream.once('drain', () => ask(page));
  }

  // Everybody is in one space here. What comes while answers are sent is answered together, afterwards.
  let changed = false, sending = false;
  listen(connect, name, async () => {
    changed = true;
    if (sending) return;
    for (sending = true; changed;) {
      changed = false;
      for (const set of sets()) await answer(set).catch(error => {
        console.error(`${name}: ${error.message}`);
        for (const {page} of set) ask(page);
      });
    }
    sending = false;
  });

  // Sets of pages that have the same data. Their cookies differ in whose mutations they confirm, and in lsn: when they were given.
  function sets() {
    const sets = new Map();
    for (const page of pages.values()) {
      if (!page.cookie) {
        ask(page);
        continue;
      }
      const {confirmed, lsn, ...place} = page.cookie;
      const key = JSON.stringify(place);
      if (!sets.has(key)) sets.set(key, []);
      sets.get(key).push({page, cookie: page.cookie});
    }
    return sets.values();
  }

  async function answer(set) {
    // The cookie that was given last stands for all: if it is still good after a failover, the others are, too.
    const {confirmed, ...base} = set.reduce((a, b) => (given(a) < given(b) ? b : a)).cookie;
    const {rows: [news]} = await pool.query(`
      SELECT r.* FROM replicache.pull_for($1, $2) a,
          json_to_record(a) r(cookie json, confirmed json, "lastMutationIDChanges" json, patch text, more boolean)`,
      [[...new Set(set.map(({page}) => page.group))], JSON.stringify(base)]);
    if (!news?.cookie || news.more) return set.forEach(({page}) => ask(page));
    if (JSON.stringify(news.cookie) === JSON.stringify(base)) return;
    // The same for all pages. It stays text, so that no number is rounded. A json column can bring line breaks.
    const patch = Buffer.from(`data: ${news.patch.replace(/[\r\n]/g, ' ')}\n\n`);
    for (const {page, cookie} of set) {
      if (page.cookie !== cookie) continue; // it has pulled meanwhile
      if (page.stream.writableNeedDrain) {
        ask(page);
        continue;
      }
      page.cookie = {...news.cookie, confirmed: news.confirmed[page.group] ?? cookie.confirmed};
      const lastMutationIDChanges = news.lastMutationIDChanges[page.group] ?? {};
      const poke = {baseCookie: cookie, pullResponse: {cookie: page.cookie, lastMutationIDChanges}};
      page.stream.write(`event: answer\ndata: ${JSON.stringify(poke)}\n`);
      page.stream.write(patch);
    }
  }

  return {stream, pull};
}

// An lsn is a position in the WAL, such as 0/16B3748.
const given = ({cookie}) => `${cookie.lsn}`.split('/').map(half => half.padStart(8, '0')).join();
