// Two to eight attempts side by side.

import {h, link, say} from 'viewer/parts/dom.js';
import {align} from 'viewer/data/align.js';
import {read} from 'viewer/pages/episode.js';
import {diff} from 'viewer/parts/diff.js';
import {List} from 'viewer/parts/list.js';
import {money, plural, time} from 'viewer/parts/format.js';
import {ending, tags} from 'viewer/parts/badges.js';
import {keys} from 'viewer/parts/keys.js';

export async function comparePage(view, {query}) {
  const rows = query.getAll('with').map((key) => view.byKey.get(key)).filter(Boolean).slice(0, 8);
  if (rows.length < 2) throw new Error('choose two to eight episodes to compare: in the run, by x');
  const episodes = await Promise.all(rows.map((row) => read(view, row)));
  const patches = await Promise.all(rows.map((row) => view.source.text(row, 'patch.diff')));
  return new ComparePage(view, rows, episodes, patches);
}

class ComparePage {
  constructor(view, rows, episodes, patches) {
    const one = new Set(rows.map((row) => row.id)).size === 1;
    Object.assign(this, {view, rows, title: `${plural(rows.length, 'attempt')}${one ? ' at ' + rows[0].id : ''} compared`, at: 0, wide: new Set()});
    const {rows: lines, parted} = align(episodes.map((episode) => episode.turns));
    Object.assign(this, {lines, parted});
    const count = String(rows.length);
    const head = h('div', {class: 'compare-row compare-head', style: {'--count': count}}, h('div', {}, h('span', {class: 'unseen'}, 'Steps')), rows.map((row, place) => h('div', {class: 'cell'}, h('h2', {}, link('/e/' + row.key, {}, one ? `${view.index.runs.length > 1 ? view.index.runs[row.run].name + ' / ' : ''}${row.cell} #${row.sample}` : row.id + ' #' + row.sample)), ending(row), ' ', h('span', {class: 'nothing'}, [plural(episodes[place].turns.length, 'step'), money(row.cost), time(row.seconds), row.same && 'patch ' + letter(rows, row)].filter(Boolean).join(', ')), h('div', {}, tags(row)), link('/p/' + row.key, {}, 'patch and verdict'))));
    this.list = new List({count: lines.length, draw: (number) => this.draw(number), guess: 110, label: 'Steps side by side'});
    const same = new Set(rows.map((row) => row.same)).size;
    this.element = h('div', {class: 'page compare-page'}, h('h1', {}, this.title),
      h('div', {class: 'tools'}, parted < 0 ? h('span', {}, 'All did the same.') : h('button', {onclick: () => this.toParted()}, `They first part at ${where(lines[parted])} (n to go there)`), h('span', {class: 'nothing'}, same === 1 && rows[0].same ? 'The patches do the same.' : `${plural(same, 'different patch', 'different patches')}.`),
        h('details', {}, h('summary', {}, 'Patches'), h('div', {class: 'two'}, rows.map((row, place) => h('section', {}, h('h3', {}, `${row.cell} #${row.sample}`), diff(patches[place] ?? '')))))),
      h('div', {class: 'compare-scroll', style: {'--count': count}}, head, this.list.element));
    keys.page({j: ['next row', () => this.to(this.at + 1)], k: ['row before', () => this.to(this.at - 1)], n: ['where they part', () => this.toParted()], o: ['open or fold the row', () => this.open(this.at)], u: ['back to the run', () => view.go('/')]});
  }

  after() { if (this.parted > 2) this.toParted(); }

  toParted() { this.to(Math.max(0, this.parted)); say('where they part'); }

  to(number) {
    this.at = Math.max(0, Math.min(this.lines.length - 1, number));
    this.list.reveal(this.at, 'top');
  }

  open(number) {
    if (!this.wide.delete(number)) this.wide.add(number);
    this.list.redraw(number);
  }

  draw(number) {
    const line = this.lines[number], first = line[0];
    const cell = (turn, place) => {
      if (!turn) return h('div', {class: 'cell'}, h('span', {class: 'same'}, '\u2013'));
      const same = place > 0 && first && turn.action.key === first.action.key, results = turn.after.map((one) => one.text).join('\n');
      return h('div', {class: 'cell' + (same ? ' same' : '')}, link(`/e/${this.rows[place].key}/${turn.step}`, {}, 'Step ' + turn.step), ' ', turn.action.tool, ' ', turn.failed && h('span', {class: 'bad'}, turn.failed), same ? ' the same' : null,
        h('pre', {}, this.wide.has(number) ? turn.action.key.slice(0, 20000) : turn.action.line), (this.wide.has(number) || !same) && results && h('pre', {class: 'same'}, results.slice(0, this.wide.has(number) ? 20000 : 400)));
    };
    return h('div', {class: 'compare-row' + (number === this.parted ? ' diverged' : '') + (this.wide.has(number) ? ' open' : ''), role: 'listitem', style: {'--count': String(line.length)}},
      h('div', {}, h('button', {class: 'quiet', 'aria-label': 'Open or fold this row', 'aria-expanded': String(this.wide.has(number)), onclick: () => this.open(number)}, this.wide.has(number) ? '\u25be' : '\u25b8')),
      line.map(cell), number === this.parted && h('div', {class: 'divergence', style: {'grid-column': '1 / -1', 'grid-row': '1'}}, 'Here they first part'));
  }
}

const where = (line) => { const turn = line.find(Boolean); return turn ? 'step ' + turn.step : 'the beginning'; };

/** Equal patches have the same letter. */
export function letter(rows, row) {
  if (!row.same) return '\u2205';
  const all = [...new Set(rows.map((one) => one.same).filter(Boolean))], place = all.indexOf(row.same);
  return place < 26 ? String.fromCharCode(65 + place) : 'Z' + (place - 25);
}
