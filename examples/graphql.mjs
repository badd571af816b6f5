// Replicache's pusher and puller for PostGraphile 4, whose schema has the functions of docs/postgrest.md.

// Which SQLSTATE is which status: docs/http.md
const statuses = {400: /^(22021|22023|22P02|22P05|54001)/, 401: /^28/, 403: /^42501/, 503: /^(08|25006|25P0[34]|40|53|55006|55P03|57|58|RE00[14])/};
const statusOf = code => Number(Object.keys(statuses).find(status => statuses[status].test(code)) ?? 500);

// `request` is the body, as a string: PostGraphile's JSON is text.
const pull = 'query ($request: JSON!) { answer: pull(request: $request) }';
const push = 'mutation ($request: JSON!) { applyPush(input: {request: $request}) { answer: json } }';

// What PostGraphile answers has the status 200, also if it is an error.
async function ask(url, getToken, query, body) {
  const response = await fetch(url, {
    method: 'POST', headers: {'Content-Type': 'application/json', Authorization: `Bearer ${await getToken()}`},
    body: JSON.stringify({query, variables: {request: JSON.stringify(body)}}),
  });
  if (!response.ok) return {status: response.status, message: await response.text()};
  const {data, errors} = await response.json();
  if (!errors) return {status: 200, message: '', answer: JSON.parse(data.answer ?? data.applyPush.answer)};
  const [{errcode = 'XX000', message}] = errors;
  return {status: statusOf(errcode), message};
}

export const graphqlPull = (url, getToken) => async body => {
  const {status, message, answer} = await ask(url, getToken, pull, body);
  return {response: answer, httpRequestInfo: {httpStatusCode: status, errorMessage: message}};
};

export const graphqlPush = (url, getToken) => async body => {
  const {status, message, answer} = await ask(url, getToken, push, body);
  const httpRequestInfo = {httpStatusCode: answer?.halted ? 503 : status, errorMessage: answer?.halted ? 'halted' : message};
  return {response: answer?.error ? answer : undefined, httpRequestInfo};
};
