// The table of all episodes, with groups and figures.

import {fill, h, link, say, visible} from 'viewer/parts/dom.js';
import {List} from 'viewer/parts/list.js';
import {count, money, percent, plural, time, whole} from 'viewer/parts/format.js';
import {FIELDS, grouped, matcher, sorted} from 'viewer/data/store.js';
import {figures} from 'viewer/data/stats.js';
import {ending, interval, tags} from 'viewer/parts/badges.js';
import {keys} from 'viewer/parts/keys.js';

/** The columns: name, head, width, what a cell shows, what the head explains. */
const COLUMNS = [
  ['id', 'Instance', 'minmax(13rem, 2.4fr)', (row) => link('/e/' + row.key, {}, row.id)],
  ['cell', 'Cell', 'minmax(8rem, 1.5fr)', (row, view) => h('span', {title: row.cell}, (view.index.runs.length > 1 ? view.index.runs[row.run].name + ' / ' : '') + row.cell)],
  ['sample', '#', '2.6rem', (row) => row.sample, 'Number of the sample'],
  ['ending', 'Verdict', '8.6rem', (row) => ending(row)],
  ['tags', 'Why', 'minmax(9rem, 2fr)', (row) => row.tags?.length ? tags(row) : row.cause],
  ['steps', 'Steps', '3.8rem', (row) => row.steps || ''],
  ['tokens', 'Tokens', '4.4rem', (row) => row.input + row.output ? count(row.input + row.output) : ''],
  ['cost', 'Cost', '4.2rem', (row) => money(row.cost, row.unpriced), 'US dollars; ? where no price is known'],
  ['seconds', 'Time', '4.6rem', (row) => time(row.seconds)],
  ['patch', 'Patch', '5.2rem', (row) => row.patch[0] ? h('span', {title: plural(row.patch[0], 'file')}, h('span', {class: 'plus'}, '+' + row.patch[1]), ' ', h('span', {class: 'minus'}, '\u2212' + row.patch[2])) : '', 'Lines added and removed'],
  ['exit', 'Exit', 'minmax(5.5rem, 1fr)', (row) => row.exit ?? ''],
];
const NUMERIC = new Set(['sample', 'steps', 'tokens', 'cost', 'seconds', 'patch', 'hits']);

export async function runPage(view, {query}) {
  const page = new RunPage(view, query);
  return page;
}

class RunPage {
  constructor(view, query) {
    Object.assign(this, {view, title: 'Run', filter: query.get('f') ?? '', text: query.get('q') ?? '', sort: query.get('sort') ?? '', by: query.get('by') ?? '', at: 0});
    this.filterBox = h('input', {type: 'search', value: this.filter, placeholder: 'Filter: django ending:unsolved tag:loop steps>40', 'aria-label': 'Filter rows', 'aria-describedby': 'filter-help', oninput: () => { this.filter = this.filterBox.value; this.changed(); }});
    this.textBox = h('input', {type: 'search', value: this.text, placeholder: 'Search all text  ( / )', 'aria-label': 'Search the text of all episodes', onkeydown: (event) => { if (event.key === 'Enter') this.search(); }, oninput: () => { clearTimeout(this.soon); this.soon = setTimeout(() => this.search(), 250); }});
    this.byBox = h('select', {'aria-label': 'Group by', onchange: () => { this.by = this.byBox.value; this.changed(); }}, [['', 'By cell'], ['repository', 'By repository'], ['instance', 'By instance'], ['ending', 'By verdict'], ['run', 'By run']].map(([value, name]) => h('option', {value, selected: value === this.by}, name)));
    this.searched = h('span', {class: 'searched', role: 'status'});
    this.figures = h('section', {class: 'figures', 'aria-label': 'Figures'});
    this.list = new List({count: 0, draw: (number) => this.draw(number), guess: 30, label: 'Episodes', role: 'rowgroup', fixed: true});
    this.head = h('div', {class: 'row head', role: 'row', 'aria-rowindex': '1'});
    this.table = h('div', {class: 'table', role: 'table', 'aria-label': 'Episodes'}, h('div', {role: 'rowgroup'}, this.head), this.list.element);
    this.bar = h('div', {class: 'chosen', hidden: true});
    this.element = h('div', {class: 'page run'},
      h('h1', {class: 'unseen'}, 'Run'),
      h('div', {class: 'tools', role: 'search'}, this.filterBox, this.textBox, this.byBox, this.searched),
      h('p', {id: 'filter-help', class: 'unseen'}, 'Words, or a field with a value: ' + FIELDS.join(', ') + '. A minus before one leaves out.'),
      this.figures, this.bar, h('div', {class: 'scroll'}, this.table));
    view.compare = () => this.compare();
    keys.page({
      '/': ['search all text', () => { this.textBox.focus(); this.textBox.select(); }], f: ['filter', () => this.filterBox.focus()],
      j: ['next row', () => this.move(1)], k: ['row before', () => this.move(-1)], l: ['open', () => this.open()], Enter: ['open', () => this.open()],
      x: ['choose for comparison', () => this.choose(this.rows[this.at])], c: ['compare what is chosen', () => this.compare()], p: ['patch and verdict', () => this.rows[this.at] && view.go('/p/' + this.rows[this.at].key)],
    });
    this.changed();
    if (this.text) this.search();
    const before = view.last && this.rows.findIndex((row) => row.key === view.last);
    if (before > 0) this.at = before;
  }

  after() { this.list.reveal(this.at); }

  /** Takes in other rows. */
  update() { this.changed(true); }

  same({page, query}) {
    if (page !== '') return false;
    for (const [name, box] of [['f', this.filterBox], ['by', this.byBox]]) box.value = query.get(name) ?? '';
    Object.assign(this, {filter: query.get('f') ?? '', by: query.get('by') ?? '', sort: query.get('sort') ?? ''});
    if ((query.get('q') ?? '') !== this.text) { this.textBox.value = query.get('q') ?? ''; this.search(); }
    this.changed();
    return true;
  }

  changed(keep = false) {
    const {view, filter} = this, {index} = view;
    const meant = matcher(filter, index);
    let rows = index.rows.filter(meant);
    if (view.hits && this.text) rows = rows.filter((row) => view.hits.has(row.number));
    this.rows = view.shown = sorted(rows, this.sort, view.hits);
    if (!keep) this.at = 0;
    view.set({f: filter, sort: this.sort, by: this.by, q: this.text});
    this.columns = [...COLUMNS];
    if (view.hits && this.text) this.columns.splice(1, 0, ['hits', 'Found', 'minmax(10rem, 2fr)', (row) => this.found(row)]);
    for (const scorer of index.scorers ?? []) this.columns.push(['score:' + scorer, scorer, '5rem', (row) => row.scores?.[scorer]?.toFixed(3) ?? '']);
    this.table.style.setProperty('--scorers', String((index.scorers ?? []).length));
    this.table.style.setProperty('--columns', '1.8rem ' + this.columns.map(([, , width]) => width).join(' '));
    this.table.setAttribute('aria-rowcount', String(this.rows.length + 1));
    this.drawHead();
    this.drawFigures();
    this.list.reset(this.rows.length, keep);
    this.table.classList.toggle('none', !this.rows.length);
    say(plural(this.rows.length, 'row'));
  }

  drawHead() {
    const one = ([name, head, , , explained]) => {
      const now = this.sort.replace(/^-/, '') === name, down = this.sort.startsWith('-');
      const next = now && !down ? '-' + name : now ? '' : NUMERIC.has(name) ? '-' + name : name;
      return h('div', {role: 'columnheader', class: NUMERIC.has(name) ? 'number' : null, 'aria-sort': now ? (down ? 'descending' : 'ascending') : null},
        name.startsWith('score:') ? h('span', {class: 'sort'}, head) : h('button', {class: 'sort', title: explained ?? null, onclick: () => { this.sort = next; this.changed(); }}, head, now ? (down ? ' \u2193' : ' \u2191') : ''));
    };
    this.head.replaceChildren(h('div', {role: 'columnheader'}, h('span', {class: 'unseen'}, 'Chosen')), ...this.columns.map(one));
  }

  draw(number) {
    const row = this.rows[number], {view} = this;
    if (!row) return h('div', {});
    const box = h('input', {type: 'checkbox', 'aria-label': `Choose ${row.id} ${row.sample} for comparison`, checked: view.chosen.has(row.key), onchange: () => this.choose(row)});
    const cell = ([name, , , show]) => h('div', {role: 'cell', class: NUMERIC.has(name) ? 'number' : null}, show(row, view));
    return h('div', {class: 'row' + (number === this.at ? ' at' : '') + (row.asked ? '' : ' dropped'), role: 'row', 'aria-rowindex': String(number + 2), onclick: (event) => this.clicked(event, number)}, h('div', {role: 'cell'}, box), this.columns.map(cell));
  }

  clicked(event, number) {
    if (event.target.closest('a, input, button')) { this.view.last = this.rows[number].key; return; }
    this.to(number);
  }

  found(row) {
    const hit = this.view.hits?.get(row.number);
    return hit && link(`/e/${row.key}?q=${encodeURIComponent(this.text)}`, {class: 'hit', title: visible(hit.excerpt)}, h('b', {}, whole(hit.count)), ' ', hit.excerpt.replace(/\s+/g, ' '));
  }

  async search() {
    const text = this.text = this.textBox.value;
    const turn = this.turn = (this.turn ?? 0) + 1;
    if (text.length < 2) {
      this.view.hits = null;
      this.searched.textContent = '';
      return this.changed();
    }
    this.searched.textContent = 'searching\u2026';
    const begun = performance.now();
    try {
      const found = await this.view.source.search(text, this.view.index.rows);
      if (turn !== this.turn) return;
      const hits = new Map();
      for (const [row, name, times, excerpt] of found) {
        const old = hits.get(row);
        if (old) old.count += times; else hits.set(row, {count: times, excerpt, name});
      }
      this.view.hits = hits;
      this.searched.textContent = `in ${plural(hits.size, 'episode')}, ${Math.round(performance.now() - begun)} ms`;
    } catch (err) {
      this.searched.textContent = String(err.message || err);
    }
    this.changed();
  }

  drawFigures() {
    const {index} = this.view, groups = grouped(this.rows, this.by || 'cell', index);
    const head = ['', 'Solved', '95 % interval', '', 'Asked', 'Instances', 'Infrastructure', 'Unfinished', 'Empty', 'Steps', 'Tokens', 'Cost', 'Time'];
    const line = (name, rows, strong) => {
      const f = figures(rows);
      const narrow = () => { this.filter = this.narrowed(name); this.filterBox.value = this.filter; this.changed(); };
      return h('tr', {class: strong ? 'all' : null}, h('th', {scope: 'row'}, strong ? name : h('button', {class: 'quiet', onclick: narrow, title: 'Only these'}, name)),
        h('td', {class: 'number'}, f.rate ? percent(f.rate.share) : '\u2013'), h('td', {}, interval(f.rate)), h('td', {class: 'number'}, f.rate ? `${percent(f.rate.low)} \u2013 ${percent(f.rate.high)}` : ''),
        [`${f.solved}/${f.asked}`, f.instances, f.infrastructure || '', f.unfinished || '', f.empty || '', f.steps ? f.steps.toFixed(1) : '', f.tokens ? count(Math.round(f.tokens)) : '', money(f.cost, f.unpriced), f.seconds ? time(f.seconds) : ''].map((value) => h('td', {class: 'number'}, value)));
    };
    const entries = [...groups].sort((a, b) => b[1].length - a[1].length || String(a[0]).localeCompare(b[0]));
    const most = 8, open = this.open_ || entries.length <= most;
    fill(this.figures, h('table', {}, h('thead', {}, h('tr', {}, head.map((name) => h('th', {scope: 'col'}, name || h('span', {class: 'unseen'}, 'drawn'))))),
      h('tbody', {}, entries.length > 1 && line('All shown', this.rows, true), (open ? entries : entries.slice(0, most)).map(([name, rows]) => line(name, rows)))),
    open ? null : h('button', {class: 'quiet', onclick: () => { this.open_ = true; this.drawFigures(); }}, `${entries.length - most} more`), this.more());
  }

  /** Figures that a filter does not change: of several samples, and of cells compared. */
  more() {
    const rows = (this.view.index.report?.cell?.rows ?? []).filter((row) => row.samples);
    const pairs = this.view.index.report?.cell?.comparisons ?? [];
    if (!rows.length && !pairs.length) return null;
    const pass = ({samples, mean, pass_at: at, best_known: best}) => [`${samples} samples`, mean && `mean ${percent(mean.mean)}` + (mean.standard_error === null ? '' : ` \u00b1 ${percent(mean.standard_error)}`), ...at.map(({k, value}) => `pass@${k} ${percent(value)}`), best && `any solved ${best.count}/${best.of}`].filter(Boolean).join(', ');
    return h('details', {}, h('summary', {}, 'Samples and comparisons, of the whole run'),
      rows.map((row) => h('p', {}, `${row.run} / ${row.cell}: ${pass(row.samples)}`)),
      pairs.map((pair) => h('p', {}, `${pair.second} beside ${pair.first}: ${pair.won} won and ${pair.lost} lost of ${plural(pair.pairs, 'pair')}${pair.p === null ? '' : `, p = ${pair.p.toFixed(4)}`} (McNemar)`)));
  }

  narrowed(name) {
    const field = {'': 'cell', cell: 'cell', repository: 'repo', instance: 'id', ending: 'ending', run: 'run'}[this.by || 'cell'];
    const value = field === 'cell' ? name.split(' / ').at(-1) : name;
    const word = `${field}="${value}"`;
    return this.filter.includes(word) ? this.filter : (this.filter + ' ' + word).trim();
  }

  to(number) {
    const old = this.at;
    this.at = Math.max(0, Math.min(this.rows.length - 1, number));
    this.list.redraw(old);
    this.list.redraw(this.at);
    this.list.reveal(this.at);
    const row = this.rows[this.at];
    if (row) say(`${row.id}, sample ${row.sample}, ${row.ending}`);
  }

  move(by) { this.to(this.at + by); }

  open() {
    const row = this.rows[this.at];
    if (!row) return;
    this.view.last = row.key;
    this.view.go(`/e/${row.key}${this.text ? '?q=' + encodeURIComponent(this.text) : ''}`);
  }

  choose(row) {
    if (!row) return;
    const {chosen} = this.view;
    if (!chosen.delete(row.key)) chosen.add(row.key);
    this.list.redraw(this.rows.indexOf(row));
    this.drawChosen();
  }

  drawChosen() {
    const {chosen} = this.view, some = chosen.size;
    this.bar.hidden = !some;
    fill(this.bar, `${plural(some, 'episode')} chosen`, h('button', {onclick: () => this.compare()}, some > 1 ? 'Compare' : 'Choose another to compare'), h('button', {class: 'quiet', onclick: () => { chosen.clear(); this.drawChosen(); this.list.reset(); }}, 'None'));
  }

  compare() {
    let chosen = [...this.view.chosen];
    if (chosen.length < 2) {
      const row = this.rows[this.at], same = row ? this.view.index.rows.filter((other) => other.id === row.id) : [];
      if (same.length < 2) return say('choose two to eight episodes with x');
      chosen = same.map((other) => other.key);
    }
    this.view.go('/c?' + chosen.slice(0, 8).map((key) => 'with=' + encodeURIComponent(key)).join('&'));
  }
}
