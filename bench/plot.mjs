// A group of results as SVG: lines, or horizontal bars. No library; sizes are pixels.
import {number, ordered, xLabel, xs} from './report.mjs';

// A contender looks the same in every plot.
const colours = {
  ours: '#c2185b', 'ours-named': '#f06292', 'ours-sql': '#ad1457', 'ours, runs off': '#f8bbd0', 'ours, no poke': '#f48fb1', 'ours, clock transaction': '#880e4f',
  'ours, clock transaction, no poke': '#ff5252', tracked: '#c2185b', node: '#ef6c00', zero: '#fbc02d',
  plpgsql: '#1565c0', 'plpgsql, marks each': '#64b5f6', 'plpgsql, records errors': '#64b5f6', 'plpgsql-fast': '#6a1b9a', 'json_agg by hand': '#1565c0',
  set: '#2e7d32', copy: '#757575',
  'ours, PUT, a transaction each': '#f48fb1', 'ours, DELETE, tombstones': '#f48fb1', 'set, DELETE, for good': '#81c784',
};
const colourOf = ({contender}) => {
  const name = contender.replace(', space column', '');
  return colours[name] ?? colours[name.split(', ')[0]] ?? '#757575';
};
/** The pixels that the longest of the names takes, about, and at least 190. */
const nameWidth = (series) => Math.max(190, ...series.map((s) => 20 + 6.7 * s.contender.length));
const escape = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');
const text = (x, y, content, {anchor = 'start', size = 13, colour = '#222', weight = 'normal', extra = ''} = {}) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="${colour}" font-weight="${weight}"${extra}>${escape(content)}</text>`;
const line = (x1, y1, x2, y2, colour = '#ddd') =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${colour}"/>`;

const page = (width, height, title, note, parts) => [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">`,
  `<rect width="${width}" height="${height}" fill="#fff"/>`,
  text(16, 26, title, {size: 16, weight: 'bold'}),
  text(16, 45, note, {size: 12, colour: '#666'}),
  ...parts, '</svg>', '',
].join('\n');

/** Round values from at most `low` to at least `high`. */
function ticks(low, high, log) {
  const result = [];
  if (log) {
    for (let exponent = Math.floor(Math.log10(low)); ; exponent++) {
      for (const factor of [1, 2, 5]) {
        const tick = factor * 10 ** exponent;
        if (tick <= low) result.length = 0;
        result.push(tick);
        if (tick >= high) return result;
      }
    }
  }
  const rough = high / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((f) => f * power >= rough) * power;
  for (let tick = 0; ; tick += step) {
    result.push(Number(tick.toPrecision(6)));
    if (tick >= high) return result;
  }
}

const scale = (from, to, start, end, log) => {
  const f = log ? Math.log : (v) => v;
  return (v) => start + ((f(v) - f(from)) / (f(to) - f(from))) * (end - start);
};

function extremes(group) {
  const values = group.series.flatMap((s) => s.points.map((p) => p.median));
  return [Math.min(...values), Math.max(...values)];
}

const note = (group) => `${group.unit}, ${group.better} is better; medians${group.logY ? '; logarithmic scale' : ''}`;

function lines(group) {
  const series = ordered(group);
  const right = nameWidth(series);
  const [width, height, left, top, bottom] = [570 + right, 400, 80, 64, 52];
  const columns = xs(group);
  const [low, high] = extremes(group);
  const marks = ticks(low, high, group.logY);
  const x = scale(columns[0], columns.at(-1), left + 12, width - right - 12, group.logX);
  const y = scale(marks[0], marks.at(-1), height - bottom, top, group.logY);
  const parts = marks.flatMap((mark) => [line(left, y(mark), width - right, y(mark)), text(left - 8, y(mark) + 4, xLabel(mark), {anchor: 'end', size: 12})]);
  parts.push(...columns.map((c) => text(x(c), height - bottom + 20, xLabel(c), {anchor: 'middle', size: 12})));
  parts.push(text((left + width - right) / 2, height - 12, group.x, {anchor: 'middle', size: 12, colour: '#666'}));
  parts.push(text(20, (top + height - bottom) / 2, group.unit, {anchor: 'middle', size: 12, colour: '#666', extra: ` transform="rotate(-90 20 ${(top + height - bottom) / 2})"`}));
  // The names stand at the ends of their lines, moved apart where they would overlap.
  const labels = series.map((s, i) => ({i, s, y: y(s.points.at(-1).median)})).sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 17);
  for (let i = labels.length - 1, limit = height - bottom; i >= 0; i--, limit = labels[i + 1].y - 17) labels[i].y = Math.min(labels[i].y, limit);
  for (const {i, s, y: at} of labels) {
    const colour = colourOf(s);
    const points = s.points.map((p) => `${x(p.x).toFixed(1)},${y(p.median).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="${i ? 2 : 3}"/>`);
    parts.push(...points.map((p) => `<circle cx="${p.split(',')[0]}" cy="${p.split(',')[1]}" r="3.5" fill="${colour}"/>`));
    parts.push(line(x(s.points.at(-1).x) + 5, y(s.points.at(-1).median), width - right + 6, at, '#bbb'));
    parts.push(text(width - right + 10, at + 4, s.contender, {colour, weight: i ? 'normal' : 'bold'}));
  }
  return page(width, height, group.title, note(group), parts);
}

function bars(group) {
  const series = ordered(group);
  const left = nameWidth(series);
  const [width, right, top, row, gap] = [570 + left, 90, 64, 22, 34];
  const [low, high] = extremes(group);
  const marks = ticks(group.logY ? low / 1.5 : 0, high, group.logY);
  const x = scale(marks[0], marks.at(-1), left, width - right, group.logY);
  const parts = [];
  let y = top;
  for (const column of xs(group)) {
    y += gap - 12;
    parts.push(text(16, y, typeof column === 'number' ? `${column} ${group.x}` : column, {weight: 'bold', size: 13}));
    y += 8;
    for (const s of series) {
      const point = s.points.find((p) => p.x === column);
      if (!point) continue;
      const colour = colourOf(s);
      parts.push(text(left - 8, y + 14, s.contender, {anchor: 'end', size: 12}));
      parts.push(`<rect x="${left}" y="${y + 2}" width="${(x(point.median) - left).toFixed(1)}" height="${row - 6}" fill="${colour}"/>`);
      parts.push(text(x(point.median) + 6, y + 14, number(point.median), {size: 12}));
      y += row;
    }
  }
  const shown = group.logY ? marks.filter((mark) => /^[15]/.test(mark.toExponential())) : marks;
  const grid = shown.flatMap((mark) => [line(x(mark), top, x(mark), y + 6), text(x(mark), y + 22, xLabel(mark), {anchor: 'middle', size: 12})]);
  parts.push(text((left + width - right) / 2, y + 42, group.unit, {anchor: 'middle', size: 12, colour: '#666'}));
  return page(width, y + 54, group.title, note(group), [...grid, ...parts]);
}

export const plot = (group) => (group.chart === 'lines' ? lines(group) : bars(group));
