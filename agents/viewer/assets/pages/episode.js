// One episode, turn by turn.

import {copy, h, link, marked, say} from 'viewer/parts/dom.js';
import {List} from 'viewer/parts/list.js';
import {folded, openText} from 'viewer/parts/text.js';
import {timeline} from 'viewer/parts/timeline.js';
import {count, money, plural, time, whole} from 'viewer/parts/format.js';
import {args, clipped, parse, request, turns, written} from 'viewer/data/record.js';
import {ending, tabs, tags} from 'viewer/parts/badges.js';
import {keys} from 'viewer/parts/keys.js';

/** Reads an episode; the last few are kept. */
export async function read(view, row) {
  const stamp = row.key + row.came + (row.stamp ?? '');
  const old = view.cache.get(row.key);
  if (old?.stamp === stamp) return old.found;
  const text = await view.source.text(row, 'trajectory.jsonl');
  const found = turns(parse(text ?? ''));
  view.cache.delete(row.key);
  view.cache.set(row.key, {stamp, found});
  for (const first of view.cache.keys()) { if (view.cache.size <= 8) break; view.cache.delete(first); }
  return found;
}

export async function episodePage(view, {rest, query}) {
  const row = view.row(rest);
  if (!row) throw new Error('there is no such episode here');
  view.last = row.key;
  return new EpisodePage(view, row, await read(view, row), rest[4], query.get('q') ?? '');
}

/** What stands over all pages of one episode. */
export function episodeHead(view, row, now) {
  const {index} = view, others = index.rows.filter((other) => other.id === row.id);
  const step = (by, name, sign) => { const other = view.beside(row, by); return other ? link(`/${now}/${other.key}`, {title: name + ': ' + other.id, 'aria-label': name}, sign) : h('span', {class: 'off', 'aria-hidden': 'true'}, sign); };
  const all = others.slice(0, 8).map((other) => 'with=' + encodeURIComponent(other.key)).join('&');
  return h('div', {class: 'episode-head'},
    h('div', {class: 'crumbs'}, link('/', {}, 'Run'), ' / ', h('span', {}, index.runs.length > 1 ? index.runs[row.run].name + ' / ' : '', row.cell), ' / '),
    h('h1', {}, row.id, h('span', {class: 'sample'}, ` sample ${row.sample}`)), ending(row), h('span', {class: 'beside'}, step(-1, 'Episode before', '\u2190'), step(1, 'Next episode', '\u2192')),
    others.length > 1 && h('span', {class: 'samples'}, 'attempts: ', others.slice(0, 24).map((other) => link(`/${now}/${other.key}`, {class: 'dot ending ' + other.ending.replaceAll(' ', '-'), 'aria-current': other === row ? 'true' : null, title: `${other.cell} ${other.sample}: ${other.ending}`, 'aria-label': `${other.cell}, sample ${other.sample}, ${other.ending}`}, other.sample)), link('/c?' + all, {}, 'compare')),
    h('div', {class: 'facts'}, [
      row.exit && ['ended', row.exit], ['steps', row.steps], row.input + row.output > 0 && ['tokens', `${count(row.input)} in, ${count(row.output)} out${row.cached ? `, ${count(row.cached)} cached` : ''}`],
      money(row.cost, row.unpriced) && ['cost', money(row.cost, row.unpriced)], row.seconds > 0 && ['time', `${time(row.seconds)}${row.model_seconds ? `: model ${time(row.model_seconds)}` : ''}${row.tool_seconds ? `, tools ${time(row.tool_seconds)}` : ''}`],
      row.f2p && ['FAIL_TO_PASS', row.f2p.join('/')], row.p2p && ['PASS_TO_PASS', row.p2p.join('/')], row.model && ['model', row.model],
    ].filter(Boolean).map(([name, value]) => h('span', {}, h('b', {}, name), ' ', value))),
    row.cause && h('p', {class: 'cause'}, row.cause), row.damaged && h('p', {class: 'fault'}, row.damaged),
    (row.tags ?? []).length > 0 && h('ul', {class: 'whys', 'aria-label': 'Why it failed'}, row.tags.map((tag, place) => h('li', {}, tags({...row, tags: [row.tags[place]]}), ' ', tag.why))),
    tabs(row, now));
}

class EpisodePage {
  constructor(view, row, episode, step, query) {
    Object.assign(this, {view, row, episode, query, title: `${row.id} #${row.sample}`, wide: new Set(), at: 0});
    this.items = this.listed();
    this.list = new List({count: this.items.length, draw: (number) => this.draw(number), guess: 220, label: 'Steps', role: 'list'});
    this.list.onshow = (number) => this.passed(number);
    this.found = h('span', {role: 'status'});
    this.box = h('input', {type: 'search', value: query, placeholder: 'Find in this episode  ( / )', 'aria-label': 'Find in this episode', onkeydown: (event) => { if (event.key === 'Enter') this.seek(event.shiftKey ? -1 : 1); }});
    this.strip = timeline(episode.turns, (number) => this.to(this.place(number), true), query);
    const path = episode.path.filter(({state}) => state);
    const note = h('textarea', {rows: '2', placeholder: 'Your notes on this episode; they stay in this browser', 'aria-label': 'Notes on this episode', value: view.notes.get(row.key), oninput: () => view.notes.set(row.key, note.value)});
    this.element = h('div', {class: 'page episode'}, episodeHead(view, row, 'e'), this.strip.element,
      path.length > 1 && h('ol', {class: 'path', 'aria-label': 'States'}, path.slice(0, 60).map(({state, turn}) => h('li', {}, h('button', {class: 'quiet', onclick: () => this.to(this.place(turn), true)}, state)))),
      h('div', {class: 'tools'}, this.box, this.found,
        h('button', {class: 'quiet', onclick: () => this.fold(true)}, 'Open all (o)'), h('button', {class: 'quiet', onclick: () => this.fold(false)}, 'Fold all (O)'),
        h('button', {class: 'quiet', onclick: () => this.seekFailed()}, 'Next failure (e)'), h('button', {class: 'quiet', onclick: async () => openText(written(await view.source.text(row, 'trajectory.jsonl') ?? ''), 'The whole record')}, 'Raw record'),
        h('details', {class: 'notes', open: !!view.notes.get(row.key)}, h('summary', {}, 'Notes'), note)),
      this.list.element);
    keys.page({
      j: ['next step', () => this.to(this.at + 1, true)], k: ['step before', () => this.to(this.at - 1, true)],
      l: ['next episode', () => this.beside(1)], h: ['episode before', () => this.beside(-1)], '/': ['find', () => { this.box.focus(); this.box.select(); }],
      n: ['next that is found', () => this.seek(1)], N: ['found before', () => this.seek(-1)], e: ['next failure', () => this.seekFailed()], o: ['open all', () => this.fold(true)], O: ['fold all', () => this.fold(false)],
      p: ['patch and verdict', () => view.go('/p/' + row.key)], y: ['copy the link of this step', () => copy(location.href, 'link')], u: ['back to the run', () => view.go('/')], Home: ['first step', () => this.to(0, true)], End: ['last step', () => this.to(this.items.length - 1, true)],
    });
    this.wanted = step;
  }

  after() {
    const step = this.wanted === undefined ? NaN : Number(decodeURIComponent(this.wanted));
    const place = this.items.findIndex((item) => item.turn && item.turn.step >= step);
    if (place >= 0) this.to(place, true);
    else if (this.query) this.seek(1);
    this.print = () => this.list.whole();
    addEventListener('beforeprint', this.print);
  }

  leave() { removeEventListener('beforeprint', this.print); }

  same({page, rest, query}) {
    if (page !== 'e' || this.view.row(rest) !== this.row || (query.get('q') ?? '') !== this.query) return false;
    const place = this.items.findIndex((item) => item.turn && item.turn.step >= Number(rest[4]));
    if (place >= 0 && place !== this.at) this.to(place, true);
    return true;
  }

  async update() {
    const row = this.view.byKey.get(this.row.key);
    if (!row || (row.came === this.row.came && row.stamp === this.row.stamp)) return;
    this.row = row;
    this.episode = await read(this.view, row);
    const last = this.items.length;
    this.items = this.listed();
    this.list.reset(this.items.length, true);
    const strip = timeline(this.episode.turns, (number) => this.to(this.place(number), true), this.query);
    this.strip.element.replaceWith(strip.element);
    this.strip = strip;
    if (this.items.length > last) say(plural(this.episode.turns.length, 'step'));
  }

  listed() {
    const {episode} = this, items = [];
    for (const turn of episode.turns) {
      if (turn.before.length || turn.begins) items.push({kind: 'told', replies: turn.before, state: turn.state, begins: turn.begins && turn.number > 0});
      items.push({kind: 'turn', turn});
    }
    if (episode.rest.length) items.push({kind: 'told', replies: episode.rest, state: ''});
    for (const note of [...episode.lastNotes, ...episode.records.filter((record) => record.type === 'unreadable')]) items.push({kind: 'note', note});
    items.push({kind: 'end'});
    return items;
  }

  place(number) { return this.items.findIndex((item) => item.turn?.number === number); }

  draw(number) {
    const item = this.items[number];
    const made = item.kind === 'turn' ? this.turn(item.turn, number) : item.kind === 'told' ? this.told(item, number) : item.kind === 'note' ? this.note(item.note) : this.end();
    made.setAttribute('role', 'listitem');
    if (number === this.at) made.classList.add('at');
    return made;
  }

  options(number, label, more) {
    return {label, query: this.query, open: this.wide.has(number) || this.allOpen, onopen: (open) => { if (open) this.wide.add(number); else this.wide.delete(number); }, ...more};
  }

  told({replies, state, begins}, number) {
    return h('div', {class: 'card told', 'aria-label': 'Told to the model'}, begins && h('p', {class: 'segment'}, state ? `A new conversation: ${state}. The model no longer sees what came before.` : 'A new conversation.'), !begins && state && h('p', {class: 'segment'}, state),
      replies.map((one) => h('div', {class: 'said ' + one.role}, h('h2', {}, one.role ?? 'result', one.restored && restored()), folded(one.text, this.options(number, one.role)))));
  }

  turn(turn, number) {
    const {episode} = this, {usage} = turn, tokens = (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0);
    const gap = this.gap(turn);
    const raw = () => openText([turn.record, ...turn.after.map((one) => one.record)].map((place) => JSON.stringify(episode.records[place], null, 2)).join('\n\n'), `Step ${turn.step}, as it is recorded`);
    const asked = () => openText(request(episode.records, turn.record).map((message) => JSON.stringify(message, null, 2)).join('\n'), `Step ${turn.step}, what the model was sent`);
    return h('div', {class: 'card turn' + (turn.failed ? ' failed' : ''), 'aria-label': 'Step ' + turn.step, 'data-step': turn.step},
      this.left(turn),
      h('div', {class: 'bar'}, h('h2', {}, link(`/e/${this.row.key}/${turn.step}`, {title: 'Link to this step'}, 'Step ' + turn.step)), h('span', {class: 'tool'}, turn.action.tool),
        turn.failed && h('span', {class: 'bad'}, turn.failed), turn.restored && restored(), turn.state && h('span', {class: 'state'}, turn.state),
        h('span', {class: 'spent'}, [turn.seconds > 0 && 'model ' + time(turn.seconds), turn.toolSeconds > 0 && 'tool ' + time(turn.toolSeconds), gap > 0.5 && 'waiting ' + time(gap), tokens > 0 && `${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out`, turn.cost !== null && turn.cost > 0 && money(turn.cost)].filter(Boolean).join(' \u00b7 ')),
        h('span', {class: 'right'}, h('button', {class: 'quiet', onclick: asked}, 'Request'), h('button', {class: 'quiet', onclick: raw}, 'Raw'))),
      turn.notes.map((note) => this.note(note)),
      turn.thought && h('div', {class: 'thought'}, h('h3', {}, 'thought'), folded(turn.thought, this.options(number, 'Thought'))),
      turn.text.trim() && h('div', {class: 'answer'}, prose(turn.text, this.query, this.options(number, 'Answer'))),
      turn.calls.map((call) => this.call(call, number)),
      turn.malformed && h('p', {class: 'bad'}, 'A call could not be read: ', turn.malformed),
      turn.finish && !['stop', 'tool_calls', ''].includes(turn.finish) && h('p', {class: 'bad'}, 'The answer ended otherwise: ', typeof turn.finish === 'object' ? Object.values(turn.finish)[0] : turn.finish),
      turn.after.map((one) => this.reply(one, number, turn)));
  }

  /** Says what the request left out, where that is not as it was before. */
  left(turn) {
    const before = this.episode.turns[turn.number - 1]?.view, now = turn.view;
    if (JSON.stringify(before ?? null) === JSON.stringify(now ?? null)) return null;
    if (!now) return h('p', {class: 'segment'}, 'From here on the model sees the whole conversation again.');
    return h('p', {class: 'segment'}, 'From here on the model does not see ', [now.dropped && plural(now.dropped, 'earlier message'), now.observations != null && `results but the last ${now.observations}` + (now.masked ? ` (in their place: \u201c${now.masked}\u201d)` : '')].filter(Boolean).join(', nor '), '.');
  }

  /** Returns how long was waited besides the model and the tools. */
  gap(turn) {
    const before = this.episode.turns[turn.number - 1];
    if (!before?.served?.answered_at || !turn.served?.asked_at) return 0;
    return Math.max(0, turn.served.asked_at - before.served.answered_at - before.toolSeconds);
  }

  call(call, number) {
    const given = args(call);
    const one = ([name, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
      return h('div', {class: 'argument'}, h('span', {class: 'key'}, name), text.includes('\n') || text.length > 90 ? folded(text, this.options(number, name)) : h('code', {}, marked(text, this.query)));
    };
    const only = given && Object.keys(given).length === 1 && typeof Object.values(given)[0] === 'string';
    return h('div', {class: 'call'}, h('h3', {}, call.name), !given ? folded(call.arguments, this.options(number, call.name)) : only ? folded(Object.values(given)[0], this.options(number, call.name)) : Object.entries(given).map(one));
  }

  reply(one, number, turn) {
    const gone = clipped(one.text, one.shown), {call} = one;
    const which = call && turn.calls.length > 1 ? call.name : one.role ?? 'result';
    const extra = one.extra && Object.keys(one.extra).length > 0;
    return h('div', {class: 'result' + (one.error || one.exit ? ' bad-result' : '')},
      h('h3', {}, which, one.exit !== null && h('span', {class: one.exit ? 'bad' : 'good'}, ' exit ' + one.exit), one.error && h('span', {class: 'bad'}, ' refused'), one.restored && restored(),
        gone && h('button', {class: 'quiet clip', onclick: () => openText(one.shown, 'As the model was shown it')}, `the model was shown less: ${whole(gone.gone)} of ${whole(one.text.length)} characters left out`),
        extra && h('button', {class: 'quiet', onclick: () => openText(JSON.stringify(one.extra, null, 2), 'What the other program recorded beside')}, 'more')),
      folded(one.text, this.options(number, 'Result of step ' + turn.step, {gone})));
  }

  note(note) {
    const text = {too_long: 'The model refused the request as too long for its context.', record_cut: 'The record of an earlier attempt was left here: ' + note.why, unreadable: `Line ${note.line} of the record cannot be read (${note.why}): ${String(note.text).slice(0, 2000)}`}[note.type] ?? `A line of a kind that this page does not know: ${note.type}`;
    return h('div', {class: 'card note'}, text);
  }

  end() {
    const {outcome} = this.episode;
    if (!outcome) return h('div', {class: 'card told'}, this.view.source.live ? 'It goes on\u2026' : 'The record ends here, without an outcome.');
    const status = outcome.exit_status;
    const said = typeof status === 'string' ? status : Object.entries(status).map(([name, why]) => `${name}: ${why}`).join();
    const files = outcome.left_out ?? [];
    return h('div', {class: 'card told', 'aria-label': 'Outcome'}, h('h2', {}, 'Outcome: ', said), link('/p/' + this.row.key, {}, outcome.patch ? 'Patch and verdict' : 'There is no patch'),
      files.length > 0 && h('p', {}, 'Left out of the patch: ', files.slice(0, 40).map((file) => file.path ?? JSON.stringify(file)).join(', ')));
  }

  to(number, top = false) {
    const old = this.at;
    // What is drawn on the way is not where the reader is.
    this.held = performance.now();
    this.at = Math.max(0, Math.min(this.items.length - 1, number));
    if (old !== this.at) { this.list.drawn.get(old)?.classList.remove('at'); }
    this.list.reveal(this.at, top ? 'top' : 'near');
    this.list.drawn.get(this.at)?.classList.add('at');
    const {turn} = this.items[this.at];
    this.strip.at(turn?.number ?? -1);
    if (turn) {
      this.address(turn);
      say(`step ${turn.step}: ${turn.action.tool}${turn.failed ? ', ' + turn.failed : ''}`);
    }
  }

  address(turn) {
    const query = this.query ? '?q=' + encodeURIComponent(this.query) : '';
    history.replaceState(null, '', `#/e/${this.row.key}/${turn.step}${query}`);
  }

  /** What is at the top after scrolling is where the reader is. */
  passed(number) {
    if (performance.now() - (this.held ?? 0) < 400) return;
    if (number === this.at) return;
    this.list.drawn.get(this.at)?.classList.remove('at');
    this.at = number;
    this.list.drawn.get(number)?.classList.add('at');
    this.strip.at(this.items[number]?.turn?.number ?? -1);
  }

  beside(by) {
    const other = this.view.beside(this.row, by);
    if (other) this.view.go('/e/' + other.key);
  }

  fold(open) {
    this.allOpen = open;
    this.wide.clear();
    this.list.reset(this.items.length);
    this.list.reveal(this.at, 'top');
  }

  /** Returns whether a text is in an item. */
  holds(item, text) {
    const texts = item.turn ? [item.turn.text, item.turn.thought, ...item.turn.calls.flatMap((call) => [call.name, call.arguments, ...Object.values(args(call) ?? {}).filter((value) => typeof value === 'string')]), ...item.turn.after.map((one) => one.text)] : (item.replies ?? []).map((one) => one.text);
    return texts.some((one) => one.toLowerCase().includes(text));
  }

  seek(by) {
    const text = this.box.value.toLowerCase();
    if (this.query !== this.box.value) { this.query = this.box.value; this.list.reset(this.items.length); }
    if (!text) return;
    const all = this.items.flatMap((item, number) => this.holds(item, text) ? [number] : []);
    this.strip.marks(all.map((number) => this.items[number].turn?.number).filter((number) => number !== undefined));
    const next = (by > 0 ? all.find((number) => number > this.at || (number === this.at && !this.sought)) : all.findLast((number) => number < this.at)) ?? (by > 0 ? all[0] : all.at(-1));
    this.sought = true;
    this.found.textContent = all.length ? `${all.indexOf(next) + 1} of ${plural(all.length, 'step')}` : 'not found';
    if (next !== undefined) this.to(next, true);
  }

  seekFailed() {
    const failed = this.items.flatMap((item, number) => item.turn?.failed ? [number] : []);
    const next = failed.find((number) => number > this.at) ?? failed[0];
    if (next === undefined) say('nothing failed'); else this.to(next, true);
  }
}

const restored = () => h('span', {class: 'restored', title: 'Taken from the record of a killed attempt, or of the episode that this one goes on from'}, 'restored');

/** An answer with its blocks of code set apart. */
function prose(text, query, options) {
  const parts = text.split('```');
  if (parts.length < 3) return folded(text, options);
  return parts.map((part, place) => {
    if (place % 2 === 0) return part.trim() ? folded(part.trim(), options) : null;
    const [, language, body] = /^([\w+-]*)\n?([^]*)$/.exec(part);
    return h('div', {class: 'call'}, language && h('h3', {}, language), folded(body.replace(/\n$/, ''), options));
  });
}
