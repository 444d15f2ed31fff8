// Figures with their intervals, by the same formulas as `report`.

const Z = 1.959963984540054;

/** Returns the 95 % interval of a share after Wilson. */
export function wilson(count, total) {
  if (!total) return null;
  const share = count / total, scale = 1 + Z * Z / total, centre = (share + Z * Z / (2 * total)) / scale;
  const half = Z * Math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / scale;
  return {share, low: Math.max(0, centre - half), high: Math.min(1, centre + half)};
}

/** Returns the exact two-sided p of McNemar's test, from how many only the one and only the other solved. */
export function mcnemar(one, other) {
  const total = one + other, least = Math.min(one, other);
  if (!total) return 1;
  let term = -total * Math.LN2, sum = 0;
  for (let k = 0; k <= least; k++) {
    sum += Math.exp(term);
    term += Math.log(total - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * sum);
}

const mean = (rows, of) => {
  const known = rows.map(of).filter((value) => value > 0);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
};

/** Returns the figures of rows. Several samples of one instance do not stand for more instances: `instances` says of how many they are. */
export function figures(rows) {
  const asked = rows.filter((row) => row.asked), total = (ending) => asked.filter((row) => row.ending === ending).length;
  const solved = total('solved'), cost = asked.reduce((sum, row) => sum + row.cost, 0);
  return {
    asked: asked.length, solved, unsolved: asked.length - solved - total('infrastructure') - total('unfinished'), empty: total('empty'), infrastructure: total('infrastructure'), unfinished: total('unfinished'),
    rate: wilson(solved, asked.length), instances: new Set(asked.map((row) => row.id)).size, cost, unpriced: asked.reduce((sum, row) => sum + row.unpriced, 0),
    steps: mean(asked, (row) => row.steps), tokens: mean(asked, (row) => row.input + row.output), seconds: mean(asked, (row) => row.seconds),
  };
}
