// A site in one process: the code that the pages and the server of the chat share with others, and a network between them that can fail.
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {setTimeout as sleep} from 'node:timers/promises';
import {createSync, toNodeHandler} from 'replicache-ext';
import {scenario} from './harness.mjs';

const source = await readFile(new URL('../../../examples/page/sync.js', import.meta.url), 'utf8');
const names = ['localStorage', 'navigator', 'location', 'addEventListener', 'fetch', 'EventSource'];
const pageCode = new Function(...names, `${source.replace(/^export /gm, '')}; return {connect, puller, pusher}`);

export class Site {
  requests = [];  // their paths
  queries = [];   // of the fan-out: their parameters
  // Faults. Each may wait or throw; `event` may also return false, which loses the event.
  before = async path => {};
  during = async path => {};  // on the server, before its query
  after = async path => {};
  event = async data => {};
  query = query => query();

  streams = new Set();
  unanswered = 0;  // requests and queries
  #pages = [];

  constructor(database, open) {
    Object.assign(this, {database, open});
    this.restart();
  }

  /** Begin as a server that knows nothing of any page. */
  restart() {
    const pool = {query: async query => {
      if (query.text.includes('pull_for')) {
        this.queries.push(query.values);
        this.unanswered++;
        return this.query(() => this.database.app.query(query)).finally(() => this.unanswered--);
      }
      await this.during(query.text.includes('apply_push') ? '/api/push' : '/api/pull');
      return this.database.app.query(query);
    }};
    this.sync?.close();
    this.sync = createSync({pool, listen: {database: this.database.name}, authenticate: request => request.headers.get('user'), log: () => {}});
    this.cut();
  }

  /** Break off the streams, or some of them. */
  cut(some = () => true) {
    for (const stream of this.streams) if (some()) stream.destroy();
  }

  async listen() {
    this.server = createServer((request, response) => this.#answer(request, response).catch(error => {
      response.writeHead(500).end(error.message);
    }));
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  async #answer(request, response) {
    const {pathname} = new URL(request.url, this.url);
    const handler = {'/api/poke': this.sync.events, '/api/push': this.sync.push, '/api/pull': this.sync.pull}[pathname];
    if (pathname === '/api/poke') this.streams.add(response.on('close', () => this.streams.delete(response)));
    else {
      this.requests.push(pathname);
      this.unanswered++;
      response.on('close', () => this.unanswered--);
    }
    await toNodeHandler(handler)(request, response);
  }

  /** Open a page. Pages of the same name are tabs of one browser. */
  page(options = {}) {
    const site = this, user = options.user ?? 'alice';
    let over = false, stream;

    const send = async (path, {method, headers, body}) => {
      await site.before(path);
      const response = await fetch(site.url + path, {method, headers: {...headers, user}, body});
      await site.after(path);
      return response;
    };

    class EventSource extends EventTarget {
      static CLOSED = 2;

      constructor(path) {
        super();
        this.#run(path).catch(() => {});
      }

      async #run(path) {
        for (; !over; await sleep(20)) {
          try {
            stream = new AbortController();
            const response = await fetch(site.url + path, {headers: {user}, signal: stream.signal});
            this.onopen();
            const decoder = new TextDecoder();
            let rest = '';
            for await (const chunk of response.body) {
              const events = (rest + decoder.decode(chunk, {stream: true})).split('\n\n');
              rest = events.pop();
              for (const event of events) this.#deliver(event);
            }
          } catch {
          }
          this.onerror();
        }
      }

      async #deliver(event) {
        const field = name => event.split('\n').filter(line => line.startsWith(`${name}: `)).map(line => line.slice(name.length + 2));
        const data = field('data').join('\n');
        if (!data || await site.event(data) === false || over) return;
        const message = new MessageEvent(field('event')[0] ?? 'message', {data});
        if (message.type === 'message') this.onmessage(message);
        else this.dispatchEvent(message);
      }
    }

    const {connect, puller, pusher} = pageCode({getItem: () => null}, {onLine: true}, {}, () => {}, send, EventSource);
    const rep = this.open({puller, pusher: pusher(), logSinks: [], ...options});
    this.#pages.push(() => {
      over = true;
      stream?.abort();
      return rep.close();
    });
    connect(rep, () => {});
    return rep;
  }

  async close() {
    await Promise.all(this.#pages.map(close => close()));
    await this.sync.close();
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Define a test with a site. */
export function siteScenario(title, options, run) {
  scenario(title, options, async world => {
    const site = new Site(world.database, world.open);
    await site.listen();
    try {
      await run({...world, site});
    } finally {
      await site.close();
    }
  });
}
