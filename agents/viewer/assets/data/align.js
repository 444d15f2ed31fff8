// Attempts beside one another: which steps stand for one another, and where they first part.

/** What it is worth to put two turns side by side: the same action, the same tool on the same thing, the same tool, or neither. */
function worth(a, b) {
  if (a.action.key === b.action.key) return 6;
  if (a.action.tool !== b.action.tool) return 0;
  const head = (turn) => turn.action.line.split(' ').slice(0, 3).join(' ');
  return head(a) === head(b) ? 3 : 2;
}

/** What it costs to put a turn beside nothing. */
const GAP = 1;
/** Above so many pairs of steps, steps are put side by side by their numbers. */
const MOST = 4e6;

/** Returns, for each turn of `other`, the number of the turn of `first` that it stands beside, or -1; after Needleman and Wunsch. */
function pair(first, other) {
  const n = first.length, m = other.length, width = m + 1;
  if (n * m > MOST) return other.map((_, place) => place < n ? place : -1);
  const best = new Int32Array((n + 1) * width);
  for (let i = n; i >= 0; i--) {
    for (let j = m; j >= 0; j--) {
      if (i === n || j === m) best[i * width + j] = -GAP * (n - i + m - j);
      else best[i * width + j] = Math.max(best[(i + 1) * width + j] - GAP, best[i * width + j + 1] - GAP, best[(i + 1) * width + j + 1] + worth(first[i], other[j]));
    }
  }
  const found = new Array(m).fill(-1);
  for (let i = 0, j = 0; i < n && j < m;) {
    const now = best[i * width + j];
    if (now === best[(i + 1) * width + j + 1] + worth(first[i], other[j])) found[j++] = i++;
    else if (now === best[(i + 1) * width + j] - GAP) i++; else j++;
  }
  return found;
}

/** Returns rows of turns, one a column, null where an attempt has nothing there; and the first row in which not all do the same. */
export function align([first, ...others]) {
  const rows = [];
  const beside = others.map((other) => {
    const pairs = pair(first, other), at = new Map(), before = new Map();
    let place = 0;
    other.forEach((turn, number) => {
      if (pairs[number] >= 0) { at.set(pairs[number], turn); place = pairs[number] + 1; } else before.set(place, [...(before.get(place) ?? []), turn]);
    });
    return {at, before};
  });
  for (let place = 0; place <= first.length; place++) {
    const most = Math.max(0, ...beside.map(({before}) => before.get(place)?.length ?? 0));
    for (let n = 0; n < most; n++) rows.push([null, ...beside.map(({before}) => before.get(place)?.[n] ?? null)]);
    if (place < first.length) rows.push([first[place], ...beside.map(({at}) => at.get(place) ?? null)]);
  }
  const parted = rows.findIndex((row) => row.some((turn) => !turn || turn.action.key !== row[0]?.action.key));
  return {rows, parted};
}
