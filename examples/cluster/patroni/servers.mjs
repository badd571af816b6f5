// A pool for a connection string with several hosts, as libpq has it with target_session_attrs. `pg` itself takes one host.
import pg from 'pg';

// Another server may answer: this one has another role, stops, has no room, or is not there.
const elsewhere = ({code = '08000'}) => /^(25006|57P0|08|53300|E)/.test(code);

// A session is asked once what it is connected to. When a primary becomes a standby, its sessions end.
const verify = role => (client, done) => client.query('SELECT pg_is_in_recovery() AS standby', (error, result) =>
  done(error ?? (result.rows[0].standby === (role === 'standby') ? undefined : Object.assign(new Error(`not a ${role}`), {code: '25006'}))));

/** `role`: 'primary' or 'standby'. Each backend stays with the server that has answered, so many backends use all standbys. */
export function servers(url, role, options) {
  const [, start, hosts, end] = /^(\w+:\/\/(?:[^@/]*@)?)([^/]+)(.*)$/.exec(url);
  // A standby that was promoted keeps its sessions. They are replaced after a minute.
  const settings = hosts.split(',').map(host => ({connectionString: start + host + end, verify: verify(role), maxLifetimeSeconds: 60, ...options}));
  const pools = settings.map(each => new pg.Pool(each).on('error', () => {}));
  let last = Math.floor(Math.random() * pools.length);
  let turn = 0;
  let nobody; // when no server has answered, and why

  return {
    async query(query) {
      if (nobody && Date.now() - nobody.at < 500) throw nobody.failure; // do not connect for each query
      let failure;
      for (let i = 0, first = last; i < pools.length; i++) {
        const at = (first + i) % pools.length;
        try {
          const result = await pools[at].query(query);
          last = at;
          nobody = undefined;
          return result;
        } catch (error) {
          if (!elsewhere(error)) throw error;
          failure = error;
        }
      }
      nobody = {failure, at: Date.now()};
      throw failure;
    },
    /** A session for LISTEN, not connected yet. That works on the primary only, so each call names the next server. */
    session: () => new pg.Client(settings[turn++ % settings.length]),
  };
}
