// Replicache's pusher and puller for a Supabase client, whose schema `api` has the functions of docs/postgrest.md.
const request = (supabase, name) => async body => {
  const {data, error, status} = await supabase.schema('api').rpc(name, body);
  return {response: error ? undefined : data, httpRequestInfo: {httpStatusCode: status || 503, errorMessage: error?.message ?? ''}};
};
export const supabasePull = supabase => request(supabase, 'pull');
export const supabasePush = supabase => async body => {
  const {response, httpRequestInfo} = await request(supabase, 'push')(body);
  return {response: response?.error ? response : undefined, httpRequestInfo};
};
