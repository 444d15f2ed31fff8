// Starts the page, and shows what its address names.

import {h, link, say} from 'viewer/parts/dom.js';
import {FileSource, LiveSource} from 'viewer/data/source.js';
import {key} from 'viewer/data/store.js';
import {Notes} from 'viewer/parts/notes.js';
import {keys} from 'viewer/parts/keys.js';
import {runPage} from 'viewer/pages/run.js';
import {episodePage} from 'viewer/pages/episode.js';
import {verdictPage} from 'viewer/pages/verdict.js';
import {comparePage} from 'viewer/pages/compare.js';
import {runsPage} from 'viewer/pages/runs.js';
import {whyPage} from 'viewer/pages/why.js';
import {bestPage} from 'viewer/pages/best.js';
import {notesPage} from 'viewer/pages/notes.js';

const PAGES = {'': runPage, e: episodePage, p: verdictPage, c: comparePage, x: runsPage, why: whyPage, best: bestPage, notes: notesPage};
const NAMES = [['', 'Run'], ['why', 'Why it failed'], ['best', 'Best of n'], ['x', 'Two runs'], ['notes', 'Notes']];

/** Returns the parts of an address. */
export function address(hash = location.hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page, ...rest] = path.split('/');
  return {page, rest, query: new URLSearchParams(query)};
}

/** What all parts of the page share. */
class View {
  constructor(source, index) {
    Object.assign(this, {source, chosen: new Set(), hits: null, query: '', cache: new Map()});
    this.take(index);
    this.notes = new Notes(index.title);
  }

  take(index) {
    this.index = index;
    index.rows.forEach((row, number) => { row.number = number; row.key = key(row, index); });
    this.byKey = new Map(index.rows.map((row) => [row.key, row]));
    this.shown ??= index.rows;
    this.shown = this.shown.map((row) => this.byKey.get(row.key)).filter(Boolean);
  }

  /** Returns the row that four parts of an address name. */
  row(parts) {
    return this.byKey.get(parts.slice(0, 4).map((part) => encodeURIComponent(decodeURIComponent(part))).join('/'));
  }

  go(to) { location.hash = '#' + to; }

  /** Changes what the address asks for, without a step back to what it was. */
  set(changes) {
    const {query} = address(), [path] = location.hash.replace(/^#/, '').split('?');
    for (const [name, value] of Object.entries(changes)) if (value) query.set(name, value); else query.delete(name);
    const text = String(query);
    history.replaceState(null, '', '#' + (path || '/') + (text ? '?' + text : ''));
  }

  /** Returns the row before or after one, as they are listed. */
  beside(row, by) {
    const rows = this.shown.includes(row) ? this.shown : this.index.rows;
    return rows[rows.indexOf(row) + by];
  }
}

function chrome(app, view) {
  const nav = h('nav', {'aria-label': 'Pages'}, NAMES.map(([page, name]) => link('/' + page, {'data-page': page}, name)));
  const theme = h('button', {class: 'quiet', onclick: () => turn(), title: 'Light or dark (d)'}, 'Light or dark');
  const turn = () => {
    const dark = getComputedStyle(document.documentElement).colorScheme.includes('dark');
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem('spotter-theme', document.documentElement.dataset.theme); } catch { /* It is for this page only. */ }
  };
  try { document.documentElement.dataset.theme = localStorage.getItem('spotter-theme') || ''; } catch { /* It is as the system has it. */ }
  const main = h('main', {id: 'main', tabindex: '-1'});
  const head = h('header', {class: 'top'},
    h('a', {class: 'skip', href: '#main', onclick: (event) => { event.preventDefault(); main.focus(); }}, 'To the content'),
    h('span', {class: 'name', title: view.index.title}, view.index.title), nav, view.source.live && h('span', {id: 'live', class: 'live'}, 'live'),
    h('span', {class: 'right'}, h('button', {class: 'quiet', onclick: () => keys.help(), title: 'Keys (?)'}, 'Keys'), theme));
  app.replaceChildren(head, main, h('div', {id: 'said', class: 'unseen', role: 'status', 'aria-live': 'polite'}));
  keys.always({d: ['light or dark', turn], '?': ['these keys', () => keys.help()], 'g r': ['the run', () => view.go('/')], 'g w': ['why it failed', () => view.go('/why')], 'g b': ['best of n', () => view.go('/best')], 'g n': ['notes', () => view.go('/notes')], 'g c': ['compare what is chosen', () => view.compare?.()]});
  return main;
}

/** Begins; called once by the boot. */
export async function start({app, page, kind, modules, unpack}) {
  const source = kind === 'live' ? new LiveSource() : new FileSource({page, modules, unpack});
  const view = new View(source, await source.index());
  view.main = chrome(app, view);
  let shown = null;
  const show = async () => {
    const asked = address();
    if (shown?.same?.(asked)) return;
    shown?.leave?.();
    keys.page({});
    const make = PAGES[asked.page] ?? runPage;
    for (const one of document.querySelectorAll('nav a[data-page]')) {
      if (one.dataset.page === asked.page || (asked.page === 'e' || asked.page === 'p' || asked.page === 'c') && one.dataset.page === '') one.setAttribute('aria-current', 'page'); else one.removeAttribute('aria-current');
    }
    const turn = show.turn = (show.turn ?? 0) + 1;
    try {
      const made = await make(view, asked);
      if (turn !== show.turn) return made.leave?.();
      shown = made;
      view.main.replaceChildren(made.element);
      document.title = made.title + ' \u00b7 ' + view.index.title.slice(0, 80);
      say(made.title);
      made.after?.();
    } catch (err) {
      console.error(err);
      if (turn !== show.turn) return;
      shown = null;
      view.main.replaceChildren(h('p', {class: 'fault', role: 'alert'}, String(err.message || err)), link('/', {}, 'Back to the run'));
    }
  };
  window.addEventListener('hashchange', show);
  view.refresh = show;
  await show();
  document.documentElement.dataset.ready = 'yes';
  if (source.live) follow(view, () => shown);
  else setTimeout(() => source.prepare(view.index.rows).then(() => { document.documentElement.dataset.searchable = 'yes'; }, () => {}), 300);
}

/** Takes in what the run has come to, once a second, and goes on when the server comes back. */
async function follow(view, shown) {
  const sign = document.getElementById('live');
  for (;;) {
    await new Promise((done) => setTimeout(done, document.hidden ? 5000 : 1000));
    try {
      const index = await view.source.index();
      sign.textContent = 'live';
      sign.classList.remove('lost');
      if (!index) continue;
      view.take(index);
      shown()?.update?.();
    } catch (err) {
      sign.textContent = 'not reached';
      sign.title = String(err.message || err);
      sign.classList.add('lost');
    }
  }
}
