// Long text: folded, and as a list of lines that may be of any length.

import {h, marked, copy} from 'viewer/parts/dom.js';
import {List} from 'viewer/parts/list.js';
import {bytes, plural, whole} from 'viewer/parts/format.js';

/** Lines and characters that are shown of a text that is folded, and how many more of each are no reason to fold it. */
const FOLDED = 14, FOLDED_LETTERS = 2400, SPARE = 6, SPARE_LETTERS = 600;
/** From so many characters on, a text is shown line by line. */
const LONG = 60000;
/** A line is cut where it has more characters than this. */
const WIDEST = 1000;

/** Returns where the lines of a text begin; a line that is very long counts as several. */
function starts(text) {
  const found = [0];
  for (let at = 0; at < text.length;) {
    const next = text.indexOf('\n', at), end = next < 0 ? text.length : next;
    for (at += WIDEST; at < end; at += WIDEST) found.push(at);
    if (next < 0) break;
    at = next + 1;
    found.push(at);
  }
  return found;
}

/** Returns a text of any length as a list of lines, with a box to find something in it. */
export function longText(text, {label = 'Text', query = '', height} = {}) {
  const lines = starts(text);
  let wanted = query, found = -1;
  const line = (number) => {
    const from = lines[number], shown = text.slice(from, lines[number + 1] ?? text.length).replace(/\n$/, '');
    return h('div', {class: 'line' + (number === found ? ' at' : ''), role: 'listitem'}, h('span', {class: 'no', 'aria-hidden': 'true'}, number + 1), h('code', {}, marked(shown, wanted)));
  };
  const list = new List({count: lines.length, draw: line, guess: 18, label, fixed: true});
  const told = h('span', {role: 'status'});
  const seek = (forward) => {
    wanted = box.value;
    if (!wanted) return list.reset(lines.length, true);
    const lower = seek.lower ??= text.toLowerCase(), small = wanted.toLowerCase();
    const begin = found < 0 ? 0 : forward ? (lines[found + 1] ?? 0) : lines[found] - 1;
    let at = forward ? lower.indexOf(small, begin) : lower.lastIndexOf(small, Math.max(0, begin));
    if (at < 0) at = forward ? lower.indexOf(small) : lower.lastIndexOf(small);
    told.textContent = at < 0 ? 'not found' : '';
    if (at >= 0) {
      let low = 0, high = lines.length - 1;
      while (low < high) { const middle = (low + high + 1) >> 1; if (lines[middle] <= at) low = middle; else high = middle - 1; }
      found = low;
      list.reset(lines.length, true);
      list.reveal(Math.max(0, found - 3), 'top');
    }
  };
  const box = h('input', {type: 'search', value: query, placeholder: 'Find', 'aria-label': 'Find in ' + label, onkeydown: (event) => { if (event.key === 'Enter') seek(!event.shiftKey); }});
  const element = h('div', {class: 'long'}, h('div', {class: 'tools'}, `${plural(lines.length, 'line')}, ${bytes(text.length)}`, box, told, h('button', {class: 'quiet', onclick: () => copy(text, label)}, 'Copy')), list.element);
  if (height) list.element.style.height = height;
  if (query) setTimeout(() => seek(true), 0);
  return element;
}

/** Shows a text of any length in a window over the page. */
export function openText(text, label, query = '') {
  const dialog = h('dialog', {class: 'whole', 'aria-label': label, onclose: () => dialog.remove()}, h('div', {class: 'bar'}, h('h2', {}, label), h('button', {onclick: () => dialog.close()}, 'Close')), longText(text, {label, query, height: '75vh'}));
  document.body.append(dialog);
  dialog.showModal();
}

/** Returns what is seen of a text while it is folded. */
function beginning(text) {
  let at = 0, cut = text.length;
  for (let n = 0; n < FOLDED + SPARE && at <= FOLDED_LETTERS + SPARE_LETTERS; n++) {
    const next = text.indexOf('\n', at);
    if (next < 0) { at = text.length; break; }
    if (n === FOLDED - 1) cut = next;
    at = next + 1;
  }
  if (at >= text.length && text.length <= FOLDED_LETTERS + SPARE_LETTERS) return text;
  return text.slice(0, Math.min(cut, FOLDED_LETTERS)).replace(/\r$/, '');
}

/** Returns a text that is folded where it is long. `gone` says which part the model was not shown. */
export function folded(text, {label = 'Output', query = '', gone = null, open = false, onopen} = {}) {
  if (!text) return h('p', {class: 'nothing'}, 'nothing');
  const short = beginning(text), all = short.length >= text.length;
  const found = !all && query && text.toLowerCase().includes(query.toLowerCase());
  const place = h('div', {class: 'folded'});
  const show = (whole) => {
    if (whole && text.length > LONG) return openText(text, label, query);
    const shown = whole ? text : short;
    const parts = gone && gone.gone > 0 ? cut(shown, text, gone, query) : marked(shown, query);
    const rest = text.length - short.length;
    let lines = 0;
    if (rest < 4e6) for (let at = text.indexOf('\n', short.length); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
    const more = all ? null : h('button', {class: 'quiet', 'aria-expanded': String(whole), onclick: () => { show(!whole); onopen?.(!whole); }}, whole ? 'Fold' : `Show all: ${lines ? whole_(lines) + ' more lines' : ''}${lines ? ', ' : ''}${bytes(text.length)}${found ? ', with what was searched' : ''}`);
    place.replaceChildren(h('pre', {tabindex: whole ? '0' : null}, parts), more ?? '');
  };
  show(all || (open && text.length <= LONG));
  return place;
}

const whole_ = (lines) => whole(lines);

/** Sets the part that the model was not shown apart. */
function cut(shown, text, {head, tail, gone}, query) {
  const end = text.length - tail;
  const before = shown.slice(0, head), inside = shown.slice(head, end), after = shown.slice(end);
  return [marked(before, query), inside && h('span', {class: 'unshown', title: 'The model was not shown this'}, h('span', {class: 'sign'}, `[not shown to the model: ${whole(gone)} characters] `), marked(inside, query)), after && marked(after, query)];
}
