// The patch of an episode beside the reference patch, and its tests.

import {copy, h, link, visible} from 'viewer/parts/dom.js';
import {diff, parseDiff} from 'viewer/parts/diff.js';
import {longText, openText} from 'viewer/parts/text.js';
import {plural} from 'viewer/parts/format.js';
import {episodeHead} from 'viewer/pages/episode.js';
import {keys} from 'viewer/parts/keys.js';

export async function verdictPage(view, {rest}) {
  const row = view.row(rest);
  if (!row) throw new Error('there is no such episode here');
  view.last = row.key;
  const {source} = view;
  const [patch, report, log, gold] = await Promise.all([source.text(row, 'patch.diff'), source.text(row, 'report.json'), source.text(row, 'test_output.txt'), source.gold(row.id, view.index)]);
  return new VerdictPage(view, row, {patch: patch ?? '', report: reported(report, row.id), log: log ?? '', gold});
}

/** Returns what the official report says of an instance; null where there is none. */
function reported(text, id) {
  if (!text) return null;
  try {
    const report = JSON.parse(text);
    return report[id] ?? Object.values(report)[0] ?? null;
  } catch {
    return null;
  }
}

class VerdictPage {
  constructor(view, row, held) {
    Object.assign(this, {view, row, ...held, title: `${row.id} #${row.sample}, patch and verdict`, split: false});
    try { this.split = localStorage.getItem('spotter-split') === 'yes'; } catch { /* It begins in one column. */ }
    this.patches = h('div', {});
    this.element = h('div', {class: 'page plain'}, episodeHead(view, row, 'p'), this.distrusted(), this.patches, this.tests(), this.logPart());
    const beside = (by) => { const other = view.beside(row, by); if (other) view.go('/p/' + other.key); };
    keys.page({l: ['next episode', () => beside(1)], h: ['episode before', () => beside(-1)], s: ['side by side, or one column', () => this.turn()], u: ['back to the run', () => view.go('/')], e: ['steps', () => view.go('/e/' + row.key)], j: ['down', () => this.element.scrollBy(0, 120)], k: ['up', () => this.element.scrollBy(0, -120)]});
    this.drawPatches();
  }

  after() { this.element.tabIndex = -1; this.element.focus({preventScroll: true}); }

  turn() {
    this.split = !this.split;
    try { localStorage.setItem('spotter-split', this.split ? 'yes' : 'no'); } catch { /* It is for this page only. */ }
    this.drawPatches();
  }

  drawPatches() {
    const {patch, gold, split} = this;
    const files = (text) => new Set(parseDiff(text).map((file) => file.path));
    const ours = files(patch), theirs = files(gold?.patch ?? '');
    const common = [...ours].filter((path) => theirs.has(path));
    const told = gold?.patch ? h('p', {class: 'nothing'}, common.length ? `Both change ${common.join(', ')}.` : 'The two have no file in common.') : null;
    this.patches.replaceChildren(h('div', {class: 'tools'}, h('h2', {class: 'part'}, 'Patch'), h('button', {'aria-pressed': String(split), onclick: () => this.turn()}, split ? 'One column (s)' : 'Old and new side by side (s)'), patch && h('button', {class: 'quiet', onclick: () => copy(patch, 'patch')}, 'Copy'), patch && h('button', {class: 'quiet', onclick: () => openText(patch, 'The patch')}, 'As text')), told ?? '',
      h('div', {class: gold?.patch && !split ? 'two' : ''}, h('section', {'aria-label': 'The patch that was handed in'}, gold?.patch && h('h3', {}, 'Handed in'), diff(patch, {split, label: 'Handed in'})), gold?.patch && h('section', {'aria-label': 'The reference patch'}, h('h3', {}, 'Reference'), diff(gold.patch, {split, label: 'Reference'}))),
      gold?.test_patch ? h('details', {}, h('summary', {}, 'The tests\u2019 own patch'), diff(gold.test_patch, {split, label: 'Tests'})) : '');
  }

  distrusted() {
    const tag = (this.row.tags ?? []).find(({tag}) => tag === 'distrusted');
    if (!tag) return null;
    const end = this.log.split('\n').slice(-30).join('\n');
    return h('section', {class: 'segment', 'aria-label': 'Why the verdict is not trusted'}, h('h2', {}, 'This verdict is not to be trusted: ', tag.why), end && h('details', {}, h('summary', {}, 'The end of the log'), h('pre', {class: 'excerpt'}, end)));
  }

  tests() {
    const {report, gold, row} = this, status = report?.tests_status;
    const one = (name) => {
      const group = status?.[name], known = gold?.[name.toLowerCase()] ?? [];
      if (group) return [name, [...group.failure.map((test) => [test, false]), ...group.success.map((test) => [test, true])]];
      return [name, known.map((test) => [test, null])];
    };
    const groups = ['FAIL_TO_PASS', 'PASS_TO_PASS'].map(one).filter(([, tests]) => tests.length);
    if (!groups.length) {
      const counts = row.f2p ? `Only counts are known: FAIL_TO_PASS ${row.f2p.join('/')}, PASS_TO_PASS ${(row.p2p ?? []).join('/')}.` : 'Nothing is known of single tests.';
      return h('section', {}, h('h2', {class: 'part'}, 'Tests'), h('p', {class: 'nothing'}, counts));
    }
    return h('section', {}, h('h2', {class: 'part'}, 'Tests'), report && h('p', {class: 'nothing'}, report.resolved ? 'Resolved.' : 'Not resolved.', report.patch_successfully_applied === false && ' The patch did not apply.'), groups.map(([name, tests]) => this.group(name, tests)));
  }

  group(name, tests) {
    const failed = tests.filter(([, passed]) => passed === false).length, known = tests.some(([, passed]) => passed !== null);
    const shown = tests.slice(0, 400);
    const line = ([test, passed]) => {
      const where = this.log ? this.log.indexOf(short(test)) : -1;
      const place = h('td', {}, h('code', {}, visible(test)));
      const button = where >= 0 ? h('button', {class: 'quiet', 'aria-expanded': 'false', onclick: () => {
        const open = place.querySelector('.excerpt');
        button.setAttribute('aria-expanded', String(!open));
        if (open) open.remove(); else place.append(h('pre', {class: 'excerpt', tabindex: '0'}, excerpt(this.log, test)));
      }}, 'log') : null;
      return h('tr', {}, h('td', {}, h('span', {class: 'ending ' + (passed ? 'solved' : passed === false ? 'unsolved' : '')}, passed ? '\u2713 passed' : passed === false ? '\u2717 failed' : 'not run')), h('td', {}, button), place);
    };
    const table = h('table', {class: 'tests'}, h('thead', {}, h('tr', {}, ['Outcome', 'Log', 'Test'].map((head) => h('th', {scope: 'col'}, head)))), h('tbody', {}, shown.map(line), tests.length > shown.length && h('tr', {}, h('td', {colspan: '3'}, `and ${tests.length - shown.length} more, of which ${tests.slice(400).filter(([, passed]) => passed === false).length} failed`))));
    return h('details', {open: name === 'FAIL_TO_PASS' || failed > 0}, h('summary', {}, `${name}: ${known ? `${tests.length - failed} of ${plural(tests.length, 'test')} passed` : plural(tests.length, 'test') + ', no verdict by test'}`), table);
  }

  logPart() {
    if (!this.log) return h('section', {}, h('h2', {class: 'part'}, 'Log'), h('p', {class: 'nothing'}, 'There is no log of the tests here.'));
    const place = h('details', {ontoggle: () => { if (place.open && !place.dataset.drawn) { place.dataset.drawn = 'yes'; place.append(longText(this.log, {label: 'The log of the tests', height: '60vh'})); } }}, h('summary', {}, 'The whole log'));
    return h('section', {}, h('h2', {class: 'part'}, 'Log'), place, link('/e/' + this.row.key, {}, 'Steps'));
  }
}

/** The part of a test's name that a log is most likely to have. */
const short = (test) => test.split(' ')[0].split('::').at(-1).split('[')[0] || test;

/** Returns what a log says of a test: its own part of the failures where there is one, and the lines that name it. */
function excerpt(log, test) {
  const name = short(test), lines = log.split('\n');
  const named = lines.flatMap((line, number) => line.includes(name) ? [number] : []);
  const head = named.find((number) => /^_{3,}.*_{3,}$|^(?:FAIL|ERROR):/.test(lines[number]));
  const begin = head ?? named.at(0) ?? 0;
  let end = begin + 1;
  while (end < lines.length && end - begin < (head === undefined ? 6 : 60) && !(end > begin + 2 && /^_{3,}.*_{3,}$|^={10,}/.test(lines[end]))) end++;
  const others = named.filter((number) => number < begin || number >= end).slice(0, 5).map((number) => `${number + 1}: ${lines[number]}`);
  return lines.slice(begin, end).map((line, number) => `${begin + number + 1}: ${line}`).join('\n') + (others.length ? '\n\u2026\n' + others.join('\n') : '');
}
