// A reference client of the lastMutationAt protocol. What is done here applies at once; sync() sends it, and brings what
// others did. Whatever fails on the way, sync() may be called again: nothing is lost, and nothing is done twice.
import {randomUUID} from 'node:crypto';
import {isDeepStrictEqual} from 'node:util';
import {resolve} from './strategies.mjs';

const maxMutations = 100;  // of a push

/** What sends the requests: (method, query, body) → {status, body}. It throws when there is no answer. */
export const overHttp = (url, token, fetch = globalThis.fetch) => async (method, query, body) => {
  const response = await fetch(`${url}/v1/sync?${new URLSearchParams(query)}`, {
    method,
    headers: {'Authorization': `Bearer ${token}`, ...(body && {'Content-Type': 'application/json'})},
    body: body && JSON.stringify(body),
  });
  return {status: response.status, body: await response.json()};
};

export class SyncClient {
  head = -1;         // the lastMutationAt up to which we have everything; undefined: lost
  #rows = new Map();  // by ref, our own name for a row: see #row
  #sentAt;           // the head that the last push was based on
  #options;

  /**
   * `keys`: the identifying fields of resources with a composite key, {READING_SESSION: ['chapter', 'verse']}.
   * `marker`: the field of all others that holds our name for a row, by which we find it when the answer with its id was lost.
   */
  constructor({send, strategy = 'last', now = Date.now, keys = {}, marker = 'ref', limit}) {
    this.#options = {send, strategy, now, keys, marker, limit};
  }

  // A row: data, as the server had it when we heard of it last, null if it has none; mine, what was done here and is not
  // acknowledged: {data} or {gone}; sent, for each push without an answer: the row as it is should that one have arrived.
  #row(resource, ref = randomUUID()) {
    const row = {ref, resource, id: undefined, data: null, timestamp: -1, mine: null, sent: []};
    this.#rows.set(ref, row);
    return row;
  }

  #compositeRef(resource, data) {
    const fields = this.#options.keys[resource];
    return fields && `${resource} ${JSON.stringify(fields.map(field => data[field]))}`;
  }

  #there(ref) {
    const row = this.#rows.get(ref);
    if (!row || row.mine?.gone) throw new Error(`there is no row ${ref}`);
    return row;
  }

  list(resource) {
    return [...this.#rows.values()].filter(row => row.resource === resource && !row.mine?.gone)
      .map(({ref, id, data, mine}) => ({ref, id, data: {...data, ...mine?.data}}));
  }

  /** How many rows wait to be sent. */
  get pending() {
    return this.#pending().length;
  }

  // Not: what was made and deleted here, and may have arrived or not.
  #pending() {
    return [...this.#rows.values()].filter(({mine, data}) => mine && (data || !mine.gone));
  }

  create(resource, data) {
    const ref = this.#compositeRef(resource, data);
    const old = this.#rows.get(ref);
    if (old && !old.mine?.gone) throw new Error(`there is a row ${ref}`);
    const row = old ?? this.#row(resource, ref);
    row.mine = {data, at: this.#options.now()};
    return row.ref;
  }

  update(ref, data) {
    const row = this.#there(ref);
    row.mine = {data: {...row.mine?.data, ...data}, at: this.#options.now()};
  }

  remove(ref) {
    const row = this.#there(ref);
    if (row.data || row.sent.length) row.mine = {gone: true, at: this.#options.now()};
    else this.#rows.delete(ref);  // nobody has heard of it
  }

  /** Send what was done here, and take what others did, until both sides are equal. */
  async sync() {
    if (this.head === undefined) await this.#recover();
    for (let attempts = 0; attempts < 100; attempts++) {
      const rows = this.#pending().slice(0, maxMutations);
      if (rows.length && await this.#push(rows)) continue;
      await this.#pull();
      if (this.pending === 0) return;
    }
    throw new Error('others write all the time');
  }

  /** Take what others did. A row that was changed on both sides is resolved by the strategy. */
  async #pull() {
    for (;;) {
      const {head, mutations, pages} = await this.#follow(this.head);
      if (head < this.head) return this.#restart();
      for (const mutation of mutations) this.#apply(mutation);
      this.head = head;
      if (pages === 1) break;  // otherwise, others may have written while we followed the pages
    }
    this.#settle();
  }

  /** The head is lost, the rows are not: up to the newest of them, we have everything. */
  async #recover() {
    const {lastMutationAt} = await this.#get({mutationsSince: -1, metadataOnly: true});
    const newest = Math.max(-1, ...[...this.#rows.values()].map(row => row.timestamp));
    this.head = newest;
    if (lastMutationAt < newest) await this.#restart();
  }

  /** The server has another history than the one we know, from a backup say: what it does not have is gone. */
  async #restart() {
    const missing = new Set([...this.#rows.values()].filter(row => row.data));
    const {head, mutations} = await this.#follow(this.head = -1);
    for (const mutation of mutations) missing.delete(this.#apply(mutation));
    for (const row of missing) this.#take(row, null, -1);  // nobody deleted it: what was done here is later
    this.head = head;
    this.#settle();
  }

  async #get(query) {
    const {status, body} = await this.#options.send('GET', query);
    if (status !== 200) throw new Error(`${status}: ${body.error?.message}`);
    return body.data;
  }

  async #follow(mutationsSince) {
    const mutations = [];
    let first;
    for (let page = 1; ; page++) {
      const {limit} = this.#options;
      const data = await this.#get({mutationsSince, ...(limit && {limit}), ...(page > 1 && {page})});
      first ??= data;
      // What is newer than the first page may be half the story; a pull from its head brings it.
      mutations.push(...data.mutations.filter(mutation => mutation.timestamp <= first.lastMutationAt));
      if (!data.hasMore) return {head: first.lastMutationAt, mutations, pages: page};
    }
  }

  #find({resource, resourceId, data}) {
    const ref = this.#compositeRef(resource, data);
    if (ref) return this.#rows.get(ref) ?? this.#row(resource, ref);
    for (const row of this.#rows.values()) if (row.resource === resource && row.id === resourceId) return row;
    // One of our own, whose answer was lost.
    const own = this.#rows.get(data[this.#options.marker]);
    return own?.resource === resource && own.id === undefined ? own : this.#row(resource);
  }

  #apply(mutation) {
    const row = this.#find(mutation);
    row.id = mutation.resourceId;
    this.#take(row, mutation.type === 'DELETE' ? null : mutation.data, mutation.timestamp);
    return row;
  }

  /** The server has this now. */
  #take(row, theirs, timestamp) {
    const {data, sent, mine} = row;
    Object.assign(row, {data: theirs, timestamp, sent: []});
    row.mine = mine && resolve(this.#options.strategy, {before: data, sent, theirs, timestamp, mine});
    if (theirs) return;
    row.id = undefined;  // should we make it again, it is a new one
    if (!row.mine) this.#rows.delete(row.ref);
  }

  /** True: done. False: we are behind. */
  async #push(rows) {
    const before = rows.map(({sent, mine}) => ({sent, mine}));
    const {keys, marker} = this.#options;
    const mutations = rows.map(({resource, ref, id, data, mine}) => {
      const type = mine.gone ? 'DELETE' : data ? 'UPDATE' : 'CREATE';
      const key = keys[resource]?.map(field => [field, (data ?? mine.data)[field]]) ?? (type === 'CREATE' ? [[marker, ref]] : []);
      return {type, resource, ...(id !== undefined && {resourceId: id}), data: {...mine.data, ...Object.fromEntries(key)}};
    });
    // From here on, and until there is an answer, it may have happened.
    this.#sentAt = this.head;
    rows.forEach((row, i) => row.sent = row.mine.gone ? row.sent : [...row.sent, {...row.data, ...mutations[i].data}]);
    const {status, body} = await this.#options.send('POST', {lastMutationAt: this.head}, {mutations});
    if (status === 200) {
      this.#acknowledge(rows, before, mutations, body.data);
      return true;
    }
    if (status < 500) rows.forEach((row, i) => row.sent = before[i].sent);  // it has not
    if (status === 409) return false;
    throw new Error(`${status}: ${body.error?.message}`);
  }

  #acknowledge(rows, before, mutations, answer) {
    const same = ({type, resource, resourceId}, given) => type === given.type && resource === given.resource && [undefined, given.resourceId].includes(resourceId);
    if (answer.mutations.length !== mutations.length || !mutations.every((mutation, i) => same(mutation, answer.mutations[i])))
      throw new Error('the answer is not to what we sent');
    rows.forEach((row, i) => {
      const {resourceId, type, data, timestamp} = answer.mutations[i];
      const {mine} = row;
      row.data = type === 'DELETE' ? null : {...row.data, ...mutations[i].data, ...data};
      Object.assign(row, {id: row.data ? resourceId : undefined, timestamp});
      if (mine === before[i].mine) row.mine = null;
      else if (row.data && mine.data) {  // changed while we waited
        const rest = Object.entries(mine.data).filter(([field, value]) => !isDeepStrictEqual(value, row.data[field]));
        row.mine = rest.length ? {...mine, data: Object.fromEntries(rest)} : null;
      }
    });
    this.head = answer.lastMutationAt;
    this.#settle();
  }

  /** Once the head has moved, a push based on the old one has either happened, and we have seen it, or never will. */
  #settle() {
    if (this.head === this.#sentAt) return;
    for (const row of this.#rows.values()) {
      row.sent = [];
      if (!row.data && (!row.mine || row.mine.gone)) this.#rows.delete(row.ref);
    }
  }
}
