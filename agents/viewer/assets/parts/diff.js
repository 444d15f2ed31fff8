// Patches: taken apart, side by side or in one column, with words of code set apart.

import {h, marked} from 'viewer/parts/dom.js';

/** Takes a git diff apart: files, each with hunks of lines [sign, text, old number, new number]. */
export function parseDiff(text) {
  const files = [];
  let file = null, hunk = null, old = 0, now = 0, oldLeft = 0, newLeft = 0;
  for (const line of text.split('\n')) {
    if (hunk && (oldLeft > 0 || newLeft > 0)) {
      const sign = line[0] ?? ' ';
      if (sign === '+') { hunk.lines.push(['+', line.slice(1), null, now++]); newLeft--; continue; }
      if (sign === '-') { hunk.lines.push(['-', line.slice(1), old++, null]); oldLeft--; continue; }
      if (sign === '\\') continue;
      hunk.lines.push([' ', line.slice(1), old++, now++]);
      oldLeft--; newLeft--;
      continue;
    }
    const ranges = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(line);
    if (ranges && file) {
      [old, oldLeft, now, newLeft] = [Number(ranges[1]), Number(ranges[2] ?? 1), Number(ranges[3]), Number(ranges[4] ?? 1)];
      hunk = {head: line, lines: []};
      file.hunks.push(hunk);
    } else if (line.startsWith('diff --git ')) {
      file = {path: line.slice(11).replace(/^a\/.* b\//, ''), head: [line], hunks: []};
      hunk = null;
      files.push(file);
    } else if (line.startsWith('--- ') && (!file || file.hunks.length)) {
      file = {path: line.slice(4).replace(/^a\//, ''), head: [line], hunks: []};
      files.push(file);
      hunk = null;
    } else if (file && !line.startsWith('\\')) {
      if (line) file.head.push(line);
      if (line.startsWith('+++ ') && !line.includes('/dev/null')) file.path = line.slice(4).split('\t')[0].replace(/^b\//, '');
    } else if (!file && line.trim()) files.push(file = {path: '', head: [line], hunks: []});
  }
  return files;
}

const PYTHON = /^(?:False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|self|try|while|with|yield|const|let|var|function|new|this|export|fn|pub|use|mod|impl|struct|enum|trait|mut|func|package|type|interface|void|static|public|private|protected|switch|throw|catch|null|true|false|nil|end|do|then)$/;

/** Sets words, strings and comments of a line of code apart. */
export function coloured(text, path = '') {
  if (text.length > 2000) return [text];
  const hash = /\.(py|pyx|rb|sh|toml|ya?ml|cfg|ini)$/.test(path), parts = [];
  const pattern = hash ? /(#.*$)|("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|(\b[A-Za-z_]\w*\b)|([^#"'A-Za-z_]+)/g : /(\/\/.*$|\/\*.*?(?:\*\/|$))|("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?)|(\b[A-Za-z_]\w*\b)|([^"'`A-Za-z_/]+|\/)/g;
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > at) parts.push(text.slice(at, found.index));
    const [whole, comment, string, word] = found;
    parts.push(comment ? h('span', {class: 'm'}, whole) : string ? h('span', {class: 's'}, whole) : word && PYTHON.test(word) ? h('span', {class: 'w'}, whole) : whole);
    at = found.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}

const SIGNS = {'+': 'plus-line', '-': 'minus-line', ' ': ''};
const NAMES = {'+': 'added: ', '-': 'removed: '};

function unified(hunk, path) {
  return hunk.lines.map(([sign, text, old, now]) => h('tr', {class: SIGNS[sign]}, h('td', {class: 'no', 'aria-hidden': 'true'}, old ?? ''), h('td', {class: 'no', 'aria-hidden': 'true'}, now ?? ''), h('td', {class: 'sign'}, h('span', {'aria-hidden': 'true'}, sign), h('span', {class: 'unseen'}, NAMES[sign] ?? '')), h('td', {}, coloured(text, path))));
}

/** Pairs removed with added lines. */
function beside(hunk, path) {
  const rows = [], gone = [], come = [];
  const flush = () => {
    for (let n = 0; n < Math.max(gone.length, come.length); n++) rows.push([gone[n], come[n]]);
    gone.length = come.length = 0;
  };
  for (const line of hunk.lines) {
    if (line[0] === '-') gone.push(line); else if (line[0] === '+') come.push(line); else { flush(); rows.push([line, line]); }
  }
  flush();
  const side = (line, place) => line ? [h('td', {class: 'no', 'aria-hidden': 'true'}, line[place]), h('td', {class: SIGNS[line[0]]}, line[0] !== ' ' && h('span', {class: 'unseen'}, NAMES[line[0]]), coloured(line[1], path))] : [h('td', {class: 'no empty-line'}), h('td', {class: 'empty-line'})];
  return rows.map(([left, right]) => h('tr', {}, side(left, 2), side(right, 3)));
}

/** Lines of a patch that are drawn at once. */
const MOST = 4000;

/** Draws a patch, in one column or side by side. */
export function diff(text, {split = false, label = 'Patch'} = {}) {
  const files = parseDiff(text);
  if (!text.trim()) return h('p', {class: 'nothing'}, 'No change.');
  if (files.every((file) => !file.path)) return h('div', {class: 'patch'}, h('p', {class: 'bad'}, 'This is no patch that can be read: no line of it names a file. It is shown as it is.'), h('pre', {'aria-label': label}, text));
  let left = MOST;
  const one = (file) => {
    const [plus, minus] = ['+', '-'].map((sign) => file.hunks.reduce((sum, hunk) => sum + hunk.lines.filter((line) => line[0] === sign).length, 0));
    const body = file.hunks.map((hunk) => {
      left -= hunk.lines.length;
      if (left < 0) return h('tr', {class: 'hunk'}, h('td', {colspan: '4'}, `${hunk.lines.length} more lines: see the patch as text`));
      return [h('tr', {class: 'hunk'}, h('td', {colspan: '4'}, hunk.head)), split ? beside(hunk, file.path) : unified(hunk, file.path)];
    });
    return h('details', {class: 'diff', open: true}, h('summary', {}, file.path || 'text', ' ', h('span', {class: 'plus'}, '+' + plus), ' ', h('span', {class: 'minus'}, '\u2212' + minus), file.head.some((line) => line.startsWith('new file')) && ' new', file.head.some((line) => line.startsWith('deleted file')) && ' deleted'),
      h('table', {'aria-label': label + ': ' + file.path}, h('colgroup', {}, split ? [h('col', {style: {width: '4.2em'}}), h('col', {}), h('col', {style: {width: '4.2em'}}), h('col', {})] : [h('col', {style: {width: '4.2em'}}), h('col', {style: {width: '4.2em'}}), h('col', {style: {width: '1.6em'}}), h('col', {})]), h('tbody', {}, body.length ? body : h('tr', {}, h('td', {colspan: '4'}, marked(file.head.join('\n'), ''))))));
  };
  return h('div', {class: 'patch'}, files.map(one));
}
