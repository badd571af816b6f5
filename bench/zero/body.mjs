/** The body of a Replicache push as one of Zero. */
export function zeroBody(body) {
  const {clientGroupID, mutations} = JSON.parse(body);
  const custom = mutations.map((mutation) => ({...mutation, type: 'custom', args: [mutation.args]}));
  return JSON.stringify({clientGroupID, mutations: custom, pushVersion: 1, timestamp: 118, requestID: 'r1'});
}
