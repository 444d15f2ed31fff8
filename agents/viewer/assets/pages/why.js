// Why episodes failed, counted by the rules that are written down.

import {h, link} from 'viewer/parts/dom.js';
import {percent, plural} from 'viewer/parts/format.js';
import {keys} from 'viewer/parts/keys.js';

export async function whyPage(view) {
  keys.page({u: ['back to the run', () => view.go('/')]});
  const {index} = view, rows = index.rows.filter((row) => row.asked);
  const failed = rows.filter((row) => !['solved', 'unfinished'].includes(row.ending));
  const name = (row) => (index.runs.length > 1 ? index.runs[row.run].name + ' / ' : '') + row.cell;
  const cells = [...new Set(rows.map(name))].slice(0, 12);
  const has = (row, tag) => (row.tags ?? []).some((one) => one.tag === tag);
  const of = (cell) => failed.filter((row) => name(row) === cell);
  const filter = (tag, cell) => '/?' + new URLSearchParams({f: `tag="${tag}"` + (cell ? ` cell="${cell.split(' / ').at(-1)}"` : '')});
  const some = (tag, among, cell) => {
    const count = among.filter((row) => has(row, tag)).length;
    return h('td', {class: 'number'}, count ? link(filter(tag, cell), {}, count) : '\u00b7', count ? h('span', {class: 'nothing'}, ' ' + percent(count / Math.max(1, among.length), 0)) : null);
  };
  const bare = failed.filter((row) => !(row.tags ?? []).length);
  const line = (rule) => h('tr', {}, h('th', {scope: 'row'}, h('b', {}, rule.name), h('div', {class: 'nothing'}, rule.says)), some(rule.name, failed), h('td', {}, failed.some((row) => has(row, rule.name)) && h('span', {class: 'meter', style: {width: (8 * failed.filter((row) => has(row, rule.name)).length / Math.max(1, failed.length)).toFixed(2) + 'em'}})), cells.length > 1 && cells.map((cell) => some(rule.name, of(cell), cell)));
  return {title: 'Why it failed', element: h('div', {class: 'page plain'}, h('h1', {}, 'Why it failed'),
    h('p', {}, `${plural(failed.length, 'episode')} of ${rows.length} that were asked for ended without a solution. One may have several tags; a number leads to the episodes.`),
    !Object.keys(index.gold ?? {}).length && h('p', {class: 'segment'}, 'No reference patches are known here, so that nothing can be said of wrong files and places. ', h('code', {}, 'spotter view RUN --dataset NAME'), ' adds them.'),
    h('table', {class: 'bars'}, h('thead', {}, h('tr', {}, [['Rule'], ['All', 'number'], [''], ...(cells.length > 1 ? cells.map((cell) => [cell, 'number']) : [])].map(([head, kind]) => h('th', {scope: 'col', class: kind ?? null}, head || h('span', {class: 'unseen'}, 'drawn'))))), h('tbody', {}, (index.rules ?? []).map(line), h('tr', {}, h('th', {scope: 'row'}, h('b', {}, 'none of these')), h('td', {class: 'number'}, bare.length), h('td', {}))))) };
}
