// Two cells or runs: what was won and lost.

import {h, link} from 'viewer/parts/dom.js';
import {mcnemar} from 'viewer/data/stats.js';
import {plural} from 'viewer/parts/format.js';
import {ending} from 'viewer/parts/badges.js';
import {keys} from 'viewer/parts/keys.js';

const name = (view, row) => (view.index.runs.length > 1 ? view.index.runs[row.run].name + ' / ' : '') + row.cell;

export async function runsPage(view, {query}) {
  keys.page({u: ['back to the run', () => view.go('/')]});
  const cells = [...new Set(view.index.rows.map((row) => name(view, row)))];
  const title = 'Two runs';
  if (cells.length < 2) return {title, element: h('div', {class: 'page plain'}, h('h1', {}, title), h('p', {}, 'There is one cell here. To compare two runs, name both: ', h('code', {}, 'spotter view RUN RUN')))};
  const a = cells.includes(query.get('a')) ? query.get('a') : cells[0], b = cells.includes(query.get('b')) ? query.get('b') : cells.find((cell) => cell !== a);
  const choose = (which, now) => h('select', {'aria-label': which === 'a' ? 'The one' : 'The other', onchange: (event) => view.go('/x?' + new URLSearchParams({a, b, [which]: event.target.value}))}, cells.map((cell) => h('option', {value: cell, selected: cell === now}, cell)));
  return {title, element: h('div', {class: 'page plain'}, h('h1', {}, title), h('div', {class: 'tools'}, choose('a', a), 'beside', choose('b', b)), compared(view, a, b))};
}

/** Pairs episodes on the same instance and sample. */
function pairs(view, a, b) {
  const by = (cell) => new Map(view.index.rows.filter((row) => row.asked && name(view, row) === cell).map((row) => [row.id + '/' + row.sample, row]));
  const [ones, others] = [by(a), by(b)];
  return [...ones].flatMap(([key, row]) => others.has(key) ? [[row, others.get(key)]] : []);
}

function compared(view, a, b) {
  const both = pairs(view, a, b).filter(([one, other]) => ![one, other].some((row) => ['infrastructure', 'unfinished'].includes(row.ending)));
  const solved = (row) => row.ending === 'solved';
  const part = (x, y) => both.filter(([one, other]) => solved(one) === x && solved(other) === y);
  const [yes, lost, won, no] = [part(true, true), part(true, false), part(false, true), part(false, false)];
  const p = mcnemar(lost.length, won.length);
  const list = (title, found) => h('details', {open: found.length > 0 && found.length <= 60}, h('summary', {}, `${title}: ${found.length}`), h('table', {class: 'tests'}, h('tbody', {}, found.map(([one, other]) => h('tr', {}, h('td', {}, link('/c?' + [one, other].map((row) => 'with=' + encodeURIComponent(row.key)).join('&'), {}, one.id, one.sample ? ' #' + one.sample : '')), h('td', {}, ending(one)), h('td', {}, ending(other)))))));
  return h('div', {},
    h('table', {class: 'square'}, h('thead', {}, h('tr', {}, h('td', {}), h('th', {scope: 'col'}, 'the other solved'), h('th', {scope: 'col'}, 'the other did not'))), h('tbody', {}, h('tr', {}, h('th', {scope: 'row'}, 'the one solved'), h('td', {}, yes.length), h('td', {class: 'off'}, lost.length)), h('tr', {}, h('th', {scope: 'row'}, 'the one did not'), h('td', {class: 'off'}, won.length), h('td', {}, no.length)))),
    h('p', {}, `Of ${plural(both.length, 'pair')} on the same instance and sample, both judged: `, h('b', {}, `${won.length} won and ${lost.length} lost`), ` by the other. McNemar\u2019s exact test, two-sided: p = ${p < 0.0001 ? p.toExponential(1) : p.toFixed(4)}.`),
    h('p', {class: 'nothing'}, p < 0.05 ? 'A difference as large as this is rare where the two are equally good.' : 'A difference as large as this is not rare where the two are equally good.'),
    list('Won: only the other solved', won), list('Lost: only the one solved', lost), list('Neither solved', no), list('Both solved', yes));
}
