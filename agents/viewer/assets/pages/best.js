// The best of n: candidates, their scores, groups of equal patches, and picks.

import {h, link} from 'viewer/parts/dom.js';
import {List} from 'viewer/parts/list.js';
import {curves, plot} from 'viewer/parts/plot.js';
import {percent, plural} from 'viewer/parts/format.js';
import {wilson} from 'viewer/data/stats.js';
import {ending} from 'viewer/parts/badges.js';
import {letter} from 'viewer/pages/compare.js';
import {keys} from 'viewer/parts/keys.js';

/** Returns the candidate that a scorer picks: the first of those that it gives most. */
export function pick(rows, scorer) {
  let best = null;
  for (const row of rows) {
    const score = scorer === 'largest group' ? (row.same ? rows.filter((other) => other.same === row.same).length : 0) : row.scores?.[scorer];
    if (score !== undefined && (best === null || score > best.score)) best = {row, score};
  }
  return best?.row ?? null;
}

export async function bestPage(view) {
  const {index} = view, groups = new Map();
  for (const row of index.rows) if (row.asked && !['unfinished', 'infrastructure'].includes(row.ending)) groups.set(row.id, [...(groups.get(row.id) ?? []), row]);
  const all = [...groups].filter(([, rows]) => rows.length > 1), title = 'Best of n';
  let at = 0;
  if (!all.length) {
    keys.page({u: ['back to the run', () => view.go('/')]});
    return {title, element: h('div', {class: 'page plain'}, h('h1', {}, title), h('p', {}, 'No instance has more than one finished episode here.'))};
  }
  const scorers = [...(index.scorers ?? []), 'largest group'], drawn = index.curves ? curves(index.curves) : new Map();
  const judged = all.filter(([, rows]) => rows.some((row) => row.ending !== 'unfinished'));
  const worth = scorers.map((scorer) => [scorer, judged.filter(([, rows]) => pick(rows, scorer)?.ending === 'solved').length]);
  const most = judged.filter(([, rows]) => rows.some((row) => row.ending === 'solved')).length;
  const chance = judged.reduce((sum, [, rows]) => sum + rows.filter((row) => row.ending === 'solved').length / rows.length, 0) / judged.length;
  const line = (name, count) => { const rate = wilson(count, judged.length); return h('tr', {}, h('th', {scope: 'row'}, name), h('td', {class: 'number'}, `${count} of ${judged.length}`), h('td', {class: 'number'}, percent(rate.share)), h('td', {class: 'nothing'}, `${percent(rate.low)} \u2013 ${percent(rate.high)}`)); };
  const list = new List({count: all.length, draw: (number) => instance(all[number], scorers, index.runs), guess: 160, label: 'Instances'});
  const to = (number) => { at = Math.max(0, Math.min(all.length - 1, number)); list.reveal(at, 'top'); };
  keys.page({j: ['next instance', () => to(at + 1)], k: ['instance before', () => to(at - 1)], u: ['back to the run', () => view.go('/')]});
  return {title, element: h('div', {class: 'page'}, h('h1', {}, title), h('details', {open: innerHeight > 700, class: 'figures'}, h('summary', {}, `${plural(all.length, 'instance')} with several candidates`),
    h('div', {class: 'two'}, h('table', {class: 'bars'}, h('caption', {class: 'unseen'}, 'What picking is worth'), h('tbody', {}, worth.map(([name, count]) => line('picked by ' + name, count)), line('the best there is', most), h('tr', {}, h('th', {scope: 'row'}, 'by chance'), h('td', {}), h('td', {class: 'number'}, percent(chance)), h('td', {})))), drawn.size ? plot(drawn) : h('p', {class: 'nothing'}, 'Curves are drawn where an instance has several verdicts; ', h('code', {}, 'spotter verify RUN --by majority'), ' adds scores.'))), list.element)};
}

function instance([id, rows], scorers, runs) {
  const name = (row) => `${runs.length > 1 ? runs[row.run].name + ' / ' : ''}${row.cell} #${row.sample}`;
  const picks = new Map(scorers.map((scorer) => [scorer, pick(rows, scorer)]));
  const score = (row, scorer) => scorer === 'largest group' ? (row.same ? rows.filter((other) => other.same === row.same).length : 0) : row.scores?.[scorer]?.toFixed(3) ?? '';
  const shown = rows.slice(0, 64);
  return h('div', {class: 'instance', role: 'listitem', 'aria-label': id}, h('h2', {}, id, ' ', link('/c?' + rows.slice(0, 8).map((row) => 'with=' + encodeURIComponent(row.key)).join('&'), {}, 'compare')),
    h('table', {}, h('thead', {}, h('tr', {}, ['Candidate', 'Verdict', 'Same patch', ...scorers].map((head) => h('th', {scope: 'col'}, head)))), h('tbody', {}, shown.map((row) => h('tr', {}, h('td', {}, link('/p/' + row.key, {}, name(row))), h('td', {}, ending(row)), h('td', {}, h('span', {class: 'group', title: row.same ? 'Candidates with the same letter do the same' : 'No change'}, letter(rows, row))), scorers.map((scorer) => h('td', {class: 'number' + (picks.get(scorer) === row ? ' pick' : '')}, picks.get(scorer) === row ? '\u2605 ' : '', score(row, scorer), picks.get(scorer) === row && h('span', {class: 'unseen'}, ' picked'))))))),
    rows.length > shown.length && h('p', {class: 'nothing'}, `and ${rows.length - shown.length} more`));
}
