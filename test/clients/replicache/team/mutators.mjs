// What the mutators of docs/guides/team_app.md do on the client, until the server has done it.

/** In the space '': the teams of the user, and who is in them. */
export const homeMutators = user => ({
  createTeam: async (tx, {id, name}) => {
    await tx.set(`team/${id}`, {id, name});
    await tx.set(`member/${id}/${user}`, {team_id: id, user_id: user, role: 'owner'});
  },
  setMember: (tx, {team, member, role}) => tx.set(`member/${team}/${member}`, {team_id: team, user_id: member, role}),
  // Who leaves a team loses its data. So this waits for the server, which may refuse.
  removeMember: () => {},
});

/** In the space of a team. */
export const teamMutators = team => ({
  createBoard: (tx, {id, name}) => tx.set(`board/${id}`, {id, team_id: team, name}),
  putCard: (tx, {id, board, title}) => tx.set(`card/${id}`, {id, board_id: board, team_id: team, title}),
  moveCard: async (tx, {id, board}) => {
    const card = await tx.get(`card/${id}`);
    // The boards of other teams are not in this space. There, the card appears when the server has moved it.
    if (await tx.has(`board/${board}`)) await tx.set(`card/${id}`, {...card, board_id: board});
    else await tx.del(`card/${id}`);
  },
});
