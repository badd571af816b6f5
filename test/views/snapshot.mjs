// Which of two snapshots is older, by the texts of pg_current_snapshot().
function parse(text) {
  const [, xmax, list] = text.split(':');
  return {xmax: BigInt(xmax), open: new Set(list ? list.split(',').map(BigInt) : [])};
}

/** Whether a transaction that had ended in `b` had not ended in `a`. */
export function lacks(a, b) {
  const [x, y] = [parse(a), parse(b)];
  const ended = ({xmax, open}, id) => id < xmax && !open.has(id);
  for (const id of x.open) if (ended(y, id)) return true;
  for (let id = x.xmax; id < y.xmax; id++) if (ended(y, id)) return true;
  return false;
}
