// Streams of events for pages. A change is read once, by pull_for, and sent to all pages that are at the same cookie.
import {randomUUID} from 'node:crypto';
import {write, type Database} from './database.js';
import {Refusal} from './http.js';
import type {Poke} from './listen.js';
import type {User} from './options.js';
import {encode, EventStream} from './stream.js';

type Cookie = {confirmed?: unknown; lsn?: unknown; [member: string]: unknown};

/** A page without a cookie is just pulling, or has to pull. */
interface Page {
  stream: EventStream;
  user: User;
  space: string;
  opened: number;
  group?: string;
  cookie: Cookie | undefined;
  sent: Cookie | undefined;
  pull?: object;
}

/** A user, or a space, or both together, or everybody. */
interface Which {
  user?: User;
  space?: string;
}

const isOf = (page: Page, {user, space}: Which): boolean =>
  (user === undefined || page.user === user) && (space === undefined || page.space.toLowerCase() === space.toLowerCase());

/** The pages of a space. Spaces whose names differ in capitals only are together: a poke may spell a uuid otherwise. */
interface Room {
  pages: Set<Page>;
  busy: boolean;
  /** 0: all see the same. 1: those of one user do. 2: pull_for cannot tell. */
  apart: 0 | 1 | 2;
  /** Until when that is believed. */
  until: number;
}

export interface FanoutOptions {
  database: Database;
  /** false: pages are only told to pull. */
  answers: boolean;
  /** The pause between two queries for one space, in milliseconds. */
  pause: number;
  /** How long a stream may live, in milliseconds: then the page comes again, and its user is authenticated again. */
  age: number;
  /** The pause between two comments in a stream, in milliseconds. */
  heartbeat: number;
  /** How many may be open at once. */
  streams: number;
  log: (error: unknown, what: string) => void;
}

const queriesAtOnce = 4;
const placesKept = 10_000;
const believed = 60_000;

export class Fanout {
  #options: FanoutOptions;
  #pages = new Map<string, Page>();
  #rooms = new Map<string, Room>();
  #due = new Set<Room>();
  #queries = 0;
  #beats: NodeJS.Timeout | undefined;
  #closed = false;
  // Requests for a stream that is not open yet, and what was disconnected meanwhile.
  #arriving = new Map<Request, Which[]>();
  // Pokes are counted, so that a page that comes again can say which one it has heard of last.
  #process = randomUUID().slice(0, 8);
  #count = 0;
  #everything = 0;
  #last = new Map<string, number>();

  constructor(options: FanoutOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pages.size;
  }

  /** Somebody wants a stream, and `opens` it when it is known who that is. What is disconnected meanwhile ends it, too. */
  async arrive(request: Request, opens: () => Promise<Response>): Promise<Response> {
    this.#arriving.set(request, []);
    return opens().finally(() => this.#arriving.delete(request));
  }

  /** Open a stream. `last` is the Last-Event-ID of a page that was here before. */
  open(request: Request, id: string, user: User, space: string, last: string | null): ReadableStream<Uint8Array> {
    // A page that comes again takes the place of its stream before.
    if (this.#pages.size >= this.#options.streams && !this.#pages.has(id)) throw new Refusal(503, 'there are too many streams');
    request.signal.throwIfAborted();
    const name = space.toLowerCase();
    const room = this.#rooms.get(name) ?? {pages: new Set(), busy: false, apart: 0, until: 0};
    this.#rooms.set(name, room);
    const stream = new EventStream(() => {
      page.cookie = undefined;
      room.pages.delete(page);
      if (room.pages.size === 0 && this.#rooms.get(name) === room) this.#rooms.delete(name);
      if (this.#pages.get(id) === page) this.#pages.delete(id);
    });
    const page: Page = {stream, user, space, opened: Date.now(), cookie: undefined, sent: undefined};
    // Whoever sends it on may forget to cancel it when its client goes.
    request.signal.addEventListener('abort', () => stream.end(), {once: true});
    this.#pages.get(id)?.stream.end();
    this.#rooms.set(name, room); // the end of the other one may have taken it away
    this.#pages.set(id, page);
    room.pages.add(page);
    this.#beats ??= setInterval(() => this.#beat(), this.#options.heartbeat).unref();
    // Not all pages come back at once. Who has never been here pulls by itself.
    stream.send(encode(`retry: ${1000 + Math.floor(Math.random() * 1000)}\n${this.#id(this.#count)}\n`));
    if (last !== null && this.#missed(last, name)) this.#ask(page);
    if (this.#closed || this.#arriving.get(request)?.some(which => isOf(page, which))) stream.end();
    return stream.body;
  }

  /** A page pulls. `cookie` and `group` are those of its request, `given` the cookie of the answer, when the page has taken the answer. */
  pulling(id: string, space: string): ((group: unknown, cookie: unknown, given: Cookie) => void) | undefined {
    const page = this.#pages.get(id);
    if (!page || page.space !== space) return undefined;
    const sent = this.#forget(page);
    const pull = page.pull = {};
    return (group, cookie, given) => {
      if (page.pull !== pull || typeof group !== 'string' || group === '') return;
      page.group = group;
      page.cookie = given;
      page.sent = undefined;
      // The page did not know yet what it was sent last. If it takes that first, it drops this answer.
      if (sent && JSON.stringify(sent) !== JSON.stringify(cookie)) this.#ask(page);
    };
  }

  /** Something has changed. What comes while a query for a space runs is answered together, by the next one. */
  poke({space}: Poke): void {
    this.#count++;
    if (space === null) this.#everything = this.#count;
    else this.#note(space.toLowerCase());
    for (const room of space === null ? this.#rooms.values() : [this.#rooms.get(space.toLowerCase())]) {
      if (!room) continue;
      if (this.#options.answers) this.#due.add(room);
      else room.pages.forEach(page => this.#ask(page));
    }
    this.#work();
  }

  /** End the streams of a user, or those of a space, or all. Pages come again, and are authenticated again. */
  disconnect(which: Which): void {
    for (const page of [...this.#pages.values()]) if (isOf(page, which)) page.stream.end();
    for (const since of this.#arriving.values()) since.push(which);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#beats);
    this.disconnect({});
  }

  #beat(): void {
    const old = Date.now() - this.#options.age;
    for (const page of [...this.#pages.values()]) {
      if (page.opened < old) page.stream.end();
      else page.stream.beat();
    }
  }

  // Event ids

  #id(count: number): string {
    return `id: ${this.#process}.${count}\n`;
  }

  #note(name: string): void {
    this.#last.delete(name);
    this.#last.set(name, this.#count);
    if (this.#last.size <= placesKept) return;
    const [[oldest, count]] = this.#last as unknown as [[string, number]];
    this.#last.delete(oldest);
    this.#everything = Math.max(this.#everything, count); // as far as is known
  }

  #missed(id: string, name: string): boolean {
    const [, where, count] = /^(\w+)\.(\d+)$/.exec(id) ?? [];
    return where !== this.#process || Number(count) < Math.max(this.#everything, this.#last.get(name) ?? 0);
  }

  // Returns what the page was sent last, which may still be on its way.
  #forget(page: Page): Cookie | undefined {
    page.sent = page.cookie ?? page.sent;
    page.cookie = undefined;
    return page.sent;
  }

  // A page that reads slowly is asked when it has read what it was sent, so that nothing piles up here.
  #ask(page: Page): void {
    this.#forget(page);
    page.stream.owe(() => encode(`${this.#id(this.#count)}data: pull\n\n`));
  }

  // Queries

  #work(): void {
    for (const room of this.#due) {
      if (this.#queries === queriesAtOnce) return;
      if (room.busy) continue;
      this.#due.delete(room);
      room.busy = true;
      this.#queries++;
      this.#send(room).finally(() => {
        this.#queries--;
        setTimeout(() => {
          room.busy = false;
          this.#work();
        }, this.#options.pause);
        this.#work();
      });
    }
  }

  async #send(room: Room): Promise<void> {
    if (room.until < Date.now()) room.apart = 0;
    for (const set of this.#sets(room)) {
      try {
        await this.#answer(set, room.apart > 0);
      } catch (error) {
        if ((error as {code?: string}).code === '0A000' && room.apart < 2) {
          room.apart++;
          room.until = Date.now() + believed;
          this.#due.add(room);
          return;
        }
        this.#options.log(error, 'pull_for');
        for (const {page} of set) this.#ask(page);
      }
    }
  }

  // Sets of pages that have the same data. Their cookies differ in whose mutations they confirm, and in lsn: when they were given.
  #sets(room: Room): Iterable<Member[]> {
    const sets = new Map<string, Member[]>();
    for (const page of room.pages) {
      const {cookie, group} = page;
      // For pull_for, a user that is NULL is anybody.
      if (!cookie || group === undefined || room.apart === 2 || (room.apart === 1 && page.user === null)) {
        this.#ask(page);
        continue;
      }
      const {confirmed, lsn, ...place} = cookie;
      const key = JSON.stringify([page.space, room.apart > 0 ? page.user : null, place]);
      const set = sets.get(key) ?? [];
      sets.set(key, set);
      set.push({page, cookie, group});
    }
    return sets.values();
  }

  async #answer(set: Member[], apart: boolean): Promise<void> {
    // The cookie that was given last stands for all: if it is still good after a failover, the others are, too.
    const {confirmed, ...base} = set.reduce((a, b) => (given(a) < given(b) ? b : a)).cookie;
    const {space, user} = set[0]!.page;
    const id = this.#id(this.#count);
    const values = [[...new Set(set.map(({group}) => group))], JSON.stringify(base), space, apart ? user : null];
    const [row] = await write(this.#options.database, pullFor, values);
    const [cookie, confirmedNow, changes, patch, more] = row ?? [];
    if (!cookie || more === 'true') return set.forEach(({page}) => this.#ask(page));
    if (JSON.stringify(JSON.parse(cookie)) === JSON.stringify(base)) return;
    const news = {cookie: JSON.parse(cookie), confirmed: JSON.parse(confirmedNow!), changes: JSON.parse(changes!)};
    // The same for all pages. It stays text, so that no number is rounded. A json column can bring line breaks.
    const data = encode(`data: ${patch!.replace(/[\r\n]/g, ' ')}\n\n`);
    for (const {page, cookie, group} of set) {
      if (page.cookie !== cookie) continue; // it has pulled meanwhile, or is gone
      if (!page.stream.ready) {
        this.#ask(page);
        continue;
      }
      page.cookie = {...news.cookie, confirmed: news.confirmed[group] ?? cookie.confirmed};
      const lastMutationIDChanges = news.changes[group] ?? {};
      const poke = {baseCookie: cookie, pullResponse: {cookie: page.cookie, lastMutationIDChanges}};
      page.stream.send(encode(`${id}event: answer\ndata: ${JSON.stringify(poke)}\n`), data);
    }
  }
}

interface Member {
  page: Page;
  cookie: Cookie;
  group: string;
}

const pullFor = `
  SELECT r.* FROM replicache.pull_for($1, $2, $3, $4) a,
      json_to_record(a) r(cookie text, confirmed text, "lastMutationIDChanges" text, patch text, more text)`;

// An lsn is a position in the WAL, such as 0/16B3748.
const given = ({cookie}: Member): string => `${cookie.lsn}`.split('/').map(half => half.padStart(8, '0')).join();
