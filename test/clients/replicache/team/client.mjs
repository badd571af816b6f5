// The client of docs/guides/team_app.md: one Replicache for the list of teams, and one for each team.
import {dropDatabase, Replicache} from 'replicache';
import {homeMutators, teamMutators} from './mutators.mjs';

/**
 * Open the teams of a user. `lost(team, mutations)` is told of changes that were not confirmed yet when the user was out of the team.
 * `fetch` and `EventSource` are those of the browser; tests pass others.
 */
export function openTeams({user, lost = () => {}, fetch = globalThis.fetch, EventSource = globalThis.EventSource, ...options}) {
  const teams = new Map(); // the id of a team → its connection
  const home = connect(`${user}/home`, '', homeMutators(user), () => {});

  // A team that appears is opened, and one that vanishes is dropped, one after the other.
  let following = Promise.resolve();
  home.rep.subscribe(async tx => {
    const members = await tx.scan({prefix: 'member/'}).values().toArray();
    return members.filter(({user_id}) => user_id === user).map(({team_id}) => team_id);
  }, mine => following = following.then(() => follow(new Set(mine))).catch(console.error));

  async function follow(mine) {
    for (const team of mine) if (!teams.has(team)) teams.set(team, open(team));
    for (const team of teams.keys()) if (!mine.has(team)) await drop(team);
  }

  // A 403 alone deletes nothing. It may have another cause, and the list of teams will tell.
  function open(team) {
    const refused = () => home.rep.pull().catch(() => {});
    return connect(`${user}/team/${team}`, `?team=${encodeURIComponent(team)}`, teamMutators(team), refused);
  }

  async function drop(team) {
    const {rep, close} = teams.get(team);
    teams.delete(team);
    const pending = await rep.experimentalPendingMutations();
    await close();
    await dropDatabase(rep.idbName, {kvStore: options.kvStore});
    if (pending.length > 0) lost(team, pending);
  }

  // What the user has done in a team goes first, because it would be refused afterwards.
  async function leave(team) {
    const {rep} = teams.get(team);
    await rep.push({now: true});
    await rep.pull({now: true});
    const {length} = await rep.experimentalPendingMutations();
    if (length > 0) throw new Error(`${length} changes of the team are not on the server yet`);
    await home.rep.mutate.removeMember({team, member: user});
  }

  function connect(name, query, mutators, refused) {
    const page = crypto.randomUUID();
    const post = async (path, body, headers) => {
      const response = await fetch(path + query, {method: 'POST', headers: {'Content-Type': 'application/json', ...headers}, body: JSON.stringify(body)});
      if (response.status === 403) refused();
      const answer = response.ok ? await response.json() : undefined;
      return {response: answer, httpRequestInfo: {httpStatusCode: response.status, errorMessage: response.ok ? '' : await response.text()}};
    };
    const rep = new Replicache({
      name, mutators, pullInterval: null, ...options,
      puller: async body => post('/pull', body, body.clientGroupID === await rep.clientGroupID && {'X-Page': page}),
      pusher: async body => {
        const {response, httpRequestInfo} = await post('/push', body);
        return {response: response?.error ? response : undefined, httpRequestInfo};
      },
    });

    let events, timer;
    const pull = () => rep.closed || rep.pull().catch(() => {});
    function listen() {
      events = new EventSource(`/events${query}${query ? '&' : '?'}page=${page}`);
      events.onopen = events.onmessage = pull;
      events.addEventListener('answer', ({data}) => {
        const [poke, patch] = data.split('\n').map(line => JSON.parse(line));
        poke.pullResponse.patch = patch;
        rep.poke(poke).catch(pull);
      });
      // An EventSource comes again by itself, but not after a refusal. The pull learns what it was.
      events.onerror = () => {
        if (events.readyState !== 2) return;
        pull();
        timer = setTimeout(listen, 1_000);
      };
    }
    listen();

    const close = () => {
      clearTimeout(timer);
      events.close();
      return rep.close();
    };
    return {rep, close};
  }

  const close = async () => {
    await following;
    await Promise.all([home, ...teams.values()].map(({close}) => close()));
  };
  return {home: home.rep, teams, leave, close};
}
