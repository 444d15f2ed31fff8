// The steps of an episode in one line.

import {h, svg} from 'viewer/parts/dom.js';
import {time} from 'viewer/parts/format.js';

/** Draws a bar a turn: as wide as it took long where that is known, the model's part below, the tools' above. */
export function timeline(turns, go) {
  const times = turns.map((turn) => turn.seconds + turn.toolSeconds), all = times.reduce((sum, one) => sum + one, 0), known = all > 0;
  const least = known ? all / Math.max(turns.length, 1) / 5 : 1;
  const widths = times.map((one) => known ? one + least : 1), whole = widths.reduce((sum, one) => sum + one, 0) || 1;
  const starts = [];
  widths.reduce((sum, one) => { starts.push(sum); return sum + one; }, 0);
  const width = 1000, height = 34, scale = width / whole;
  const bars = [], most = 1500, every = Math.max(1, Math.ceil(turns.length / most));
  for (let n = 0; n < turns.length; n += every) {
    const group = turns.slice(n, n + every), turn = group.find((one) => one.failed) ?? group[0];
    const x = starts[n] * scale, w = group.reduce((sum, _, k) => sum + widths[n + k], 0) * scale;
    const share = times[n] > 0 ? turns[n].seconds / times[n] : 0.5, low = Math.max(2, (height - 8) * share);
    const label = `Step ${turn.step}: ${turn.action.line.slice(0, 120)}${known ? `; model ${time(turn.seconds) || '0 s'}, tools ${time(turn.toolSeconds) || '0 s'}` : ''}${turn.failed ? '; ' + turn.failed : ''}`;
    bars.push(svg('g', {class: 'bar' + (turn.failed ? ' failed' : ''), onclick: () => go(turn.number)}, svg('title', {}, label),
      svg('rect', {x, y: 4, width: Math.max(0.4, w - Math.min(1, w * 0.2)), height: height - 8 - low, class: 'tool'}), svg('rect', {x, y: height - 4 - low, width: Math.max(0.4, w - Math.min(1, w * 0.2)), height: low, class: 'model'})));
  }
  const marks = svg('g', {class: 'marks'}), cursor = svg('rect', {class: 'cursor', y: 0, height, width: 2, x: -10});
  const drawing = svg('svg', {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true'}, bars, marks, cursor);
  const centre = (number) => (starts[number] + widths[number] / 2) * scale;
  const legend = h('span', {class: 'legend'}, h('span', {class: 'sw model'}), 'model ', h('span', {class: 'sw tool'}), 'tools ', h('span', {class: 'sw failed'}), 'failed', known ? '' : ' (no times are known)');
  return {
    element: h('div', {class: 'timeline'}, drawing, legend),
    at(number) { cursor.setAttribute('x', number < 0 ? -10 : starts[number] * scale); cursor.setAttribute('width', number < 0 ? 0 : Math.max(3, widths[number] * scale)); },
    marks(numbers) { marks.replaceChildren(...numbers.map((number) => svg('circle', {cx: centre(number), cy: 3, r: 2.5}))); },
  };
}
