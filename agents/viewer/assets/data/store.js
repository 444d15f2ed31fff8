// The rows of the page: filtered, sorted, grouped.

/** Returns what a row is found by in addresses. */
export const key = (row, index) => [index.runs[row.run].name, row.cell, row.id, row.sample].map(encodeURIComponent).join('/');

const NUMBERS = {steps: 'steps', queries: 'queries', cost: 'cost', time: 'seconds', seconds: 'seconds', input: 'input', output: 'output', tokens: (row) => row.input + row.output, sample: 'sample', files: (row) => row.patch[0], lines: (row) => row.patch[1] + row.patch[2]};
const WORDS = {id: 'id', instance: 'id', repo: 'repo', cell: 'cell', exit: 'exit', model: 'model', agent: 'agent', cause: 'cause', ending: 'ending'};
export const FIELDS = [...Object.keys(WORDS), 'run', 'tag', ...Object.keys(NUMBERS)];

const of = (field, row) => typeof field === 'function' ? field(row) : row[field];

/** Returns what tells whether a row is meant by words such as `django ending:unsolved tag:loop steps>40 -repo:astropy`. */
export function matcher(text, index) {
  const tests = [];
  for (const [, minus, whole] of text.matchAll(/(-?)((?:[\w-]+(?::|>=|<=|>|<|=))?"[^"]*"|\S+)/g)) {
    const found = /^([a-z]+)(:|>=|<=|>|<|=)(.*)$/i.exec(whole);
    let test;
    const bare = (word) => word.replace(/^"|"$/g, '').toLowerCase();
    if (found && NUMBERS[found[1]] && found[2] !== ':') {
      const [, name, sign, value] = found, limit = Number(value), field = NUMBERS[name];
      const compare = {'>': (n) => n > limit, '<': (n) => n < limit, '>=': (n) => n >= limit, '<=': (n) => n <= limit, '=': (n) => n === limit}[sign];
      test = (row) => compare(of(field, row));
    } else if (found && (found[1] === 'tag' || found[1] === 'run' || WORDS[found[1]])) {
      const [, name, sign, value] = found, wanted = bare(value);
      const meant = (word) => sign === '=' ? String(word).toLowerCase() === wanted : String(word ?? '').toLowerCase().includes(wanted);
      if (name === 'tag') test = (row) => (row.tags ?? []).some(({tag}) => meant(tag));
      else if (name === 'run') test = (row) => meant(index.runs[row.run].name);
      else if (name === 'ending') test = (row) => row.ending === wanted || (sign === ':' && row.ending.startsWith(wanted));
      else test = (row) => meant(row[WORDS[name]]);
    } else {
      const wanted = bare(whole);
      test = (row) => (row.plain ??= [row.id, row.cell, row.exit, row.model, row.ending, row.cause, index.runs[row.run].name, ...(row.tags ?? []).map(({tag}) => tag)].join('\n').toLowerCase()).includes(wanted);
    }
    tests.push(minus ? (row) => !test(row) : test);
  }
  return (row) => tests.every((test) => test(row));
}

const ORDER = {tokens: (row) => row.input + row.output, tags: (row) => (row.tags ?? []).map(({tag}) => tag).join(), patch: (row) => row.patch[1] + row.patch[2], run: (row) => row.run + row.cell};

/** Returns rows in the order of a column; `-` before its name turns that around. */
export function sorted(rows, by, hits) {
  if (!by) return rows;
  const down = by.startsWith('-'), name = by.replace(/^-/, '');
  const value = name === 'hits' ? (row) => hits?.get(row.number)?.count ?? 0 : ORDER[name] ?? ((row) => row[name] ?? '');
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    const order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en', {numeric: true});
    return (down ? -order : order) || a.number - b.number;
  };
  return [...rows].sort(compare);
}

/** Returns rows by what a name says of them. */
export function grouped(rows, by, index) {
  const name = {cell: (row) => (index.runs.length > 1 ? index.runs[row.run].name + ' / ' : '') + row.cell, run: (row) => index.runs[row.run].name, repository: (row) => row.repo, instance: (row) => row.id, ending: (row) => row.ending}[by];
  const groups = new Map();
  for (const row of rows) {
    const group = name(row);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(row);
  }
  return groups;
}
