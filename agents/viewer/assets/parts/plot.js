// Curves with their bands.

import {svg} from 'viewer/parts/dom.js';

const COLOURS = ['#4a7dc9', '#c2571a', '#2d8a4e', '#9b4dca', '#b8860b', '#c2185b', '#00838f', '#6d6d6d'];

/** Reads the curves of `best-of`. */
export function curves(text) {
  const found = new Map();
  for (const line of text.split('\n').slice(1)) {
    const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell]) => cell.replace(/^"|"$/g, '').replaceAll('""', '"'));
    const [figure, scorer, , k, percent, low, high] = cells;
    if (figure !== 'best') continue;
    if (!found.has(scorer)) found.set(scorer, []);
    found.get(scorer).push({k: Number(k), percent: Number(percent), low: Number(low), high: Number(high)});
  }
  return found;
}

/** Draws curves over k. */
export function plot(found) {
  const all = [...found.values()].flat(), width = 640, height = 340, left = 44, right = 130, top = 12, bottom = 34;
  const most = Math.max(2, ...all.map((point) => point.k)), low = Math.floor(Math.min(...all.map((point) => point.low)) / 10) * 10, high = Math.min(100, Math.ceil(Math.max(...all.map((point) => point.high)) / 10) * 10);
  const x = (k) => left + (k - 1) / (most - 1) * (width - left - right), y = (share) => top + (high - share) / Math.max(1, high - low) * (height - top - bottom);
  const grid = [];
  for (let at = low; at <= high; at += 10) grid.push(svg('line', {x1: left, x2: width - right, y1: y(at), y2: y(at), class: 'grid'}), svg('text', {x: left - 6, y: y(at) + 4, 'text-anchor': 'end'}, at + ' %'));
  for (let k = 1; k <= most; k += Math.max(1, Math.ceil(most / 8))) grid.push(svg('text', {x: x(k), y: height - bottom + 18, 'text-anchor': 'middle'}, k));
  const ends = [...found].map(([name, points], n) => ({name, n, y: y(points.at(-1).percent)})).sort((a, b) => a.y - b.y);
  for (let n = 1; n < ends.length; n++) ends[n].y = Math.max(ends[n].y, ends[n - 1].y + 14);
  const one = ([, points], n) => {
    const colour = COLOURS[n % COLOURS.length], to = (of) => points.map((point) => `${x(point.k).toFixed(1)},${y(of(point)).toFixed(1)}`);
    return [svg('path', {class: 'band', style: `fill:${colour}`, d: 'M' + [...to((point) => point.high), ...to((point) => point.low).reverse()].join('L') + 'Z'}), svg('path', {stroke: colour, d: 'M' + to((point) => point.percent).join('L')})];
  };
  return svg('svg', {viewBox: `0 0 ${width} ${height}`, class: 'plot', role: 'img', 'aria-label': 'Best at k by scorer, in per cent: ' + [...found].map(([name, points]) => `${name} ${points.at(-1).percent.toFixed(1)} at ${points.at(-1).k}`).join('; ')}, grid, [...found].flatMap(one), ends.map(({name, n, y: at}) => svg('text', {x: width - right + 8, y: at + 4, style: `fill:${COLOURS[n % COLOURS.length]}`}, name)), svg('text', {x: (left + width - right) / 2, y: height - 4, 'text-anchor': 'middle'}, 'k'));
}
