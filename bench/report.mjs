// The results as Markdown tables. A cell is the median and, in brackets, ours ÷ it.

/** Three significant digits, thousands set apart. */
export function number(value) {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = Number(value.toPrecision(3));
  return digits > 0 ? rounded.toFixed(Math.min(digits, value >= 1 && value < 10 ? 2 : 3)) : String(rounded).replace(/\B(?=(\d{3})+$)/g, ' ');
}

export const ordered = (group) => group.order.map((name) => group.series.find((s) => s.contender === name)).filter(Boolean);
export const xs = (group) => [...new Set(group.series.flatMap((s) => s.points.map((p) => p.x)))];
export const xLabel = (x) => (typeof x === 'number' ? String(x).replace(/\B(?=(\d{3})+$)/g, ' ') : x);

export function table(group) {
  const series = ordered(group);
  const columns = xs(group);
  const at = (s, x) => s.points.find((p) => p.x === x);
  const [first] = series;
  const head = [group.x, ...columns.map(xLabel)];
  const body = series.map((s) => [
    s.contender,
    ...columns.map((x) => {
      const point = at(s, x);
      if (!point) return '';
      if (group.spread) return `${number(point.median)} (${number(point.low)}–${number(point.high)})`;
      return number(point.median) + (s === first || group.plain ? '' : ` (${(at(first, x).median / point.median).toFixed(2)})`);
    }),
  ]);
  const width = head.map((_, i) => Math.max(...[head, ...body].map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => (i ? cell.padStart(width[i]) : cell.padEnd(width[i]))).join(' | ')} |`;
  const rule = `|${width.map((w, i) => (i ? `${'-'.repeat(w + 1)}:` : '-'.repeat(w + 2))).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

export const heading = (group) => (group.plain ? `**${group.title}**, ${group.unit}` :
  `**${group.title}**, ${group.unit}; in brackets ${ordered(group)[0].contender} ÷ it, ` +
  `${group.better} is better${group.better === 'lower' ? ', so below 1 we win' : ''}`);

export const factsLine = (facts) => `${facts.date}, ${facts.mode} run, commit ${facts.commit}, ${facts.postgresql}, Node ${facts.node}, ` +
  `${facts.cores} cores (${facts.cpu}), ${facts.memory}; load average ${facts.load.before} before, ${facts.load.after} after`;
