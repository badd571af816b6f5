// The server of the protocol, in memory: what the client is tested with, and what the real server is compared to.
const fields = {
  NOTE: {ref: null, title: '', body: ''},
  READING_SESSION: {chapter: null, verse: null, seconds: 0},
};
const keys = {READING_SESSION: ['chapter', 'verse']};
const types = ['CREATE', 'UPDATE', 'DELETE'];

/** How long the pages of a pull stay as they were drawn. */
const pagingTime = 3_600_000;

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, {status, code});
  }
}
const invalid = message => new Refusal(422, 'ValidationError', message);
const outOfSync = message => new Refusal(409, 'OutOfSyncError', message);

/** The rows of a user. A row: resource, id, data; version and created, timestamps; first, when its key was first there. */
class Space {
  head = -1;
  rows = new Map();
  graves = new Map();
  pagings = [];
}

export class Model {
  #spaces = new Map();
  #ids = 0;

  /** `offset`: pages are counted off in whatever there is at the moment. */
  constructor({now = Date.now, offset = false} = {}) {
    Object.assign(this, {now, offset});
  }

  space(user) {
    if (!this.#spaces.has(user)) this.#spaces.set(user, new Space());
    return this.#spaces.get(user);
  }

  send = user => async (method, query, body) => {
    const space = this.space(user);
    try {
      const data = method === 'GET' ? this.#pull(space, query) : this.#push(space, query, body);
      return {status: 200, mutationAt: data.lastMutationAt, body: {success: true, data}};
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const {status, code, message} = error;
      return {status, body: {success: false, error: {code, message}}};
    }
  };

  #push(space, {lastMutationAt}, body) {
    const mutations = this.#check(body?.mutations);
    const since = integer('lastMutationAt', lastMutationAt, -1);
    if (space.head === -1 && since !== -1) throw outOfSync('First sync detected. Please use lastMutationAt=-1 for initial sync.');
    if (space.head !== since) throw outOfSync('Invalid lastMutationAt, please re-sync your data and try again.');
    const draft = {...space, rows: new Map(space.rows), graves: new Map(space.graves)};
    const answers = mutations.map((mutation, index) => this.#write(draft, mutation, index));
    Object.assign(space, draft);
    return {lastMutationAt: space.head, mutations: answers};
  }

  #check(mutations) {
    if (!Array.isArray(mutations)) throw invalid('Invalid mutations');
    if (mutations.length > 100) throw invalid('Mutations must not exceed 100');
    for (const [index, mutation] of mutations.entries()) {
      const {resource, type, resourceId, data} = mutation ?? {};
      const at = `at mutation[${index}]`;
      if (resource == null) throw invalid(`Missing resource ${at}`);
      if (!fields[resource]) throw invalid(`Invalid resource: "${resource}" ${at}`);
      if (type == null) throw invalid(`Missing mutation type ${at}`);
      if (!types.includes(type)) throw invalid(`Invalid mutation type: "${type}" ${at}`);
      if (type !== 'CREATE' && !keys[resource] && resourceId == null) throw invalid(`Missing resourceId ${at}`);
      if ((type !== 'DELETE' || keys[resource]) && data == null) throw invalid(`Missing data ${at}`);
    }
    return mutations;
  }

  #write(space, {resource, type, resourceId, data = {}}, index) {
    const id = keys[resource] ? undefined : type === 'CREATE' ? `n${++this.#ids}` : resourceId;
    const identity = Object.fromEntries((keys[resource] ?? []).map(field => [field, data[field]]));
    const key = `${resource} ${id ?? JSON.stringify(identity)}`;
    const old = space.rows.get(key);
    if (!old && type !== 'CREATE') throw invalid(`Invalid resourceId at mutation[${index}]`);
    if (old && type === 'CREATE') throw invalid(`There is one already at mutation[${index}]`);

    const timestamp = space.head = Math.max(this.now(), space.head + 1);
    if (type === 'DELETE') {
      space.rows.delete(key);
      space.graves.set(key, {...old, version: timestamp, data: identity});
      return {resource, resourceId: id, type, data: identity, timestamp};
    }
    const row = {resource, id, created: timestamp, first: space.graves.get(key)?.first ?? timestamp, ...old, version: timestamp};
    row.data = {...fields[resource], ...old?.data, ...data};
    space.rows.set(key, row);
    space.graves.delete(key);
    return {resource, resourceId: id, type, data: row.data, timestamp};
  }

  /** Whoever writes it. */
  write(user, mutation) {
    return this.#write(this.space(user), mutation, 0);
  }

  /** What happened after `since`: the last of each row, by time. */
  #changes(space, since, resources) {
    // Made and deleted since: nobody has heard of it, unless it came on a page to someone whose first page was before that.
    const heard = grave => grave.first <= since || space.pagings.some(paging => paging.first <= since && grave.first <= paging.head);
    const mutation = type => ({resource, id, data, version}) => ({resource, resourceId: id, type, data, timestamp: version});
    const rows = [...space.rows.values()].filter(row => row.version > since);
    const graves = [...space.graves.values()].filter(grave => grave.version > since && heard(grave));
    return [...rows.map(row => mutation(row.created > since ? 'CREATE' : 'UPDATE')(row)), ...graves.map(mutation('DELETE'))]
      .filter(({resource}) => !resources || resources.includes(resource))
      .sort((a, b) => a.timestamp - b.timestamp);
  }

  #pull(space, {mutationsSince, resources, metadataOnly, page = 1, limit = 100}) {
    const since = integer('mutationsSince', mutationsSince, -1);
    [page, limit] = [integer('page', page, 1), integer('limit', limit, 1, 1000)];
    if (`${metadataOnly}` === 'true') return {lastMutationAt: space.head};
    resources = resources?.split(',').sort();
    const changes = this.#changes(space, since, resources);
    const pull = {space, changes, since, page, limit, name: JSON.stringify([since, resources, limit])};
    const {mutations, hasMore} = this.offset ? this.#offset(pull) : page === 1 ? this.#firstPage(pull) : this.#laterPage(pull);
    return {lastMutationAt: space.head, mutations, page, limit, total: changes.length, hasMore};
  }

  #offset({changes, page, limit}) {
    return {mutations: changes.slice((page - 1) * limit, page * limit), hasMore: changes.length > page * limit};
  }

  // Where the pages end is drawn once, for all of them: whatever is written afterwards moves rows behind the last one, and no
  // row across a line. A second device that follows the same pages goes by the same lines, though they are older than its
  // first page: it gets some rows twice, and misses none. Its head is the later one, and so far its pages go. A deletion that
  // only became known to be news (see #changes) may make a page longer than the limit.
  #firstPage({space, changes, since, limit, name}) {
    if (changes.length <= limit) return {mutations: changes, hasMore: false};
    let paging = space.pagings.findLast(other => other.name === name && other.began > this.now() - pagingTime);
    if (!paging) space.pagings.push(paging = {name, began: this.now(), first: space.head, lines: [since]});
    const rest = changes.filter(({timestamp}) => timestamp > paging.lines.at(-1));
    for (let i = limit; i < rest.length; i += limit) paging.lines.push(rest[i - 1].timestamp);
    paging.head = space.head;
    const end = Math.max(changes[limit - 1].timestamp, paging.lines[1]);
    return {mutations: changes.filter(({timestamp}) => timestamp <= end), hasMore: true};
  }

  #laterPage(pull) {
    const {space, changes, page, name} = pull;
    const paging = space.pagings.findLast(other => other.name === name);
    if (!paging) return this.#offset(pull);  // for whoever did not ask for the first
    const {lines, head} = paging;
    const [from, to] = [lines[page - 1] ?? head, lines[page] ?? head];
    return {mutations: changes.filter(({timestamp}) => timestamp > from && timestamp <= to), hasMore: page < lines.length};
  }
}

function integer(name, value, min, max = Number.MAX_SAFE_INTEGER) {
  if (value === undefined) throw invalid(`Missing ${name}`);
  if (!/^(-1|\d+)$/.test(value) || value < min || value > max) throw invalid(`Invalid ${name}`);
  return Number(value);
}
