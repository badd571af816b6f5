// The other half, for the client: PowerSync calls uploadData when there are changes, and again when it threw.

/** `post` takes the body of a request to /api/data and gives the answer, or throws unless its status is 200. */
export async function uploadData(database, post) {
  const client_id = await database.getClientId();
  for (let transaction; (transaction = await database.getNextCrudTransaction());) {
    const {results: [result]} = await post(JSON.stringify({client_id, batch: transaction.crud}));
    // Rejected for good: the server has it on record. Not completed, it would block the queue for ever.
    if (result.status === 'fatal_error') console.warn(`rejected: ${result.message}`);
    else if (result.status !== 'success') throw new Error(result.message);
    await transaction.complete();
  }
}
