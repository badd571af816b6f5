// What every page with Replicache does alike: requests, pokes, and the data that the server does not know.

// When this browser's data began: see startAfresh. It is part of Replicache's name.
export const generation = Number(localStorage.getItem('generation'));

// Tells the server which stream of events and which pulls are of one page.
const page = crypto.randomUUID();

let rep;
let connected = false;
let received;
let update;

/** Hear pokes for `replicache`, and call `changed` when the page is on or off line. */
export function connect(replicache, changed) {
  rep = replicache;
  update = changed;
  rep.onOnlineChange = update;
  addEventListener('offline', update);
  addEventListener('online', () => reconnect(connected));
  listen();
  navigator.serviceWorker?.register('sw.js');
}

export const online = () => navigator.onLine && rep.online && connected;

/** How many entries have come of an answer that has further pages. Undefined: all have come. */
export const loading = () => received;

// Requests

async function post(url, body, headers) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...headers},
    body: JSON.stringify(body),
  });
  const answer = response.ok ? await response.json() : undefined;
  const unknown = response.status === 403 || answer?.error === 'ClientStateNotFound';
  if (unknown && body.clientGroupID === await rep.clientGroupID) startAfresh();
  const errorMessage = response.ok ? '' : await response.text();
  return {answer, httpRequestInfo: {httpStatusCode: response.status, errorMessage}};
}

/** A long answer has pages. Each is applied and kept before the next one is asked for, so a reload goes on where it was. */
export async function puller(body) {
  const own = body.clientGroupID === await rep.clientGroupID;
  const {answer, httpRequestInfo} = await post('/api/pull', body, own && {'X-Page': page});
  if (answer?.patch && own) {
    const entries = answer.patch.filter(({op}) => op === 'put').length;
    received = answer.more ? (received ?? 0) + entries : undefined;
    update();
    if (answer.more) rep.pull({now: true}).catch(() => {}); // begins when this answer has been applied
  } else if (answer?.more && Object.keys(answer.lastMutationIDChanges).length === 0) {
    // Replicache asks which mutations of an older version of the page are confirmed. The last page says it.
    return puller({...body, cookie: answer.cookie});
  }
  return {response: answer, httpRequestInfo};
}

/** A pusher. Replicache takes a rejected mutation back without a word about it; `reject` gets each, with the reason. */
export const pusher = (reject = () => {}) => async body => {
  const {answer, httpRequestInfo} = await post('/api/push', body);
  for (const rejected of answer?.rejected ?? []) {
    const {args} = body.mutations.find(({clientID, id}) => clientID === rejected.clientID && id === rejected.id);
    reject({...rejected, args});
  }
  return {response: answer?.error ? answer : undefined, httpRequestInfo};
};

// The server does not know this browser's data (any more), or will not have them. A reload is not enough: Replicache would
// go on from the same data, and from the cookie that the server refused. So the next one has another name.
function startAfresh() {
  if (Date.now() - generation < 60_000) return;
  if (Number(localStorage.getItem('generation')) === generation) localStorage.setItem('generation', Date.now());
  location.reload();
}

// Pokes

const pull = () => {
  rep.pull().catch(() => {});
};

function listen() {
  const pokes = new EventSource(`/api/poke?page=${page}`);
  pokes.onmessage = pull;
  pokes.addEventListener('answer', ({data}) => taken = taken.then(() => take(data)).catch(pull));
  pokes.onopen = () => reconnect(true);
  pokes.onerror = () => {
    connected = false;
    update();
    if (pokes.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 2_000);
  };
}

// The server may send what a pull would bring. If this page is at another cookie by now, Replicache refuses it, and the page pulls.
let taken = Promise.resolve();

function take(data) {
  const [poke, patch] = data.split('\n').map(line => JSON.parse(line));
  poke.pullResponse.patch = patch;
  return rep.poke(poke);
}

function reconnect(state) {
  connected = state;
  rep.push({now: true}).catch(() => {});
  rep.pull({now: true}).catch(() => {});
  update();
}
