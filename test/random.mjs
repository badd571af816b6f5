/** Mulberry32: the same numbers for the same seed. */
export function randomOf(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = n => Math.floor(next() * n);
  const pick = list => list[below(list.length)];
  /** One of [weight, value]s. */
  const weigh = choices => {
    let n = below(choices.reduce((sum, [weight]) => sum + weight, 0));
    return choices.find(([weight]) => (n -= weight) < 0)[1];
  };
  return {below, pick, weigh, chance: percent => below(100) < percent};
}
