// What every backend does alike, whatever the protocol. docs/http.md says why; the README has the same lines.

// SQLSTATE → status. Node's own codes (ECONNREFUSED) begin with E, and errors without a code are of lost connections.
export const statuses = {400: /^(22021|22023|22P02|22P05|54001)/, 403: /^42501/, 503: /^(08|25006|25P0[34]|40|53|55006|55P03|57|58|E|RE001)/};
export const statusOf = ({status, code = '08000'}) => status ?? Number(Object.keys(statuses).find(s => statuses[s].test(code)) ?? 500);

// A serialization failure or a deadlock has undone everything: once more, a few times.
export const retrying = (work, tries = 3) => work().catch(error => {
  if (tries === 1 || !/^40(001|P01)/.test(error.code)) throw error;
  return retrying(work, tries - 1);
});

export const send = (res, status, type, body) => res.status(status).set(status === 503 ? {'Retry-After': '1'} : {}).type(type).send(body);
