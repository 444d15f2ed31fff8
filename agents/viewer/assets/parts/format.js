// Figures as people read them.

export const count = (value) => value >= 1e6 ? (value / 1e6).toFixed(value >= 1e7 ? 0 : 1) + 'M' : value >= 1e4 ? Math.round(value / 1e3) + 'k' : value >= 1e3 ? (value / 1e3).toFixed(1) + 'k' : String(value);
export const whole = (value) => Math.round(value).toLocaleString('en');
export const percent = (share, digits = 1) => (share * 100).toFixed(digits) + ' %';

/** Returns money; nothing where no price is known. */
export function money(cost, unpriced = 0) {
  if (!cost && unpriced) return '?';
  if (!cost) return '';
  return (unpriced ? '\u2265' : '') + '$' + (cost >= 100 ? cost.toFixed(0) : cost >= 1 ? cost.toFixed(2) : cost.toFixed(3));
}

export function time(seconds) {
  if (!seconds) return '';
  if (seconds < 1) return Math.round(seconds * 1000) + ' ms';
  if (seconds < 60) return seconds.toFixed(seconds < 10 ? 1 : 0) + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + 'm ' + String(Math.round(seconds % 60)).padStart(2, '0') + 's';
  return Math.floor(seconds / 3600) + 'h ' + String(Math.floor(seconds / 60) % 60).padStart(2, '0') + 'm';
}

export const bytes = (size) => size >= 1e6 ? (size / 1e6).toFixed(1) + ' MB' : size >= 1e3 ? (size / 1e3).toFixed(0) + ' kB' : size + ' B';
export const plural = (number, one, many = one + 's') => `${whole(number)} ${number === 1 ? one : many}`;

/** Signs of the endings, which tell them without colour. */
export const SIGNS = {solved: '\u2713', unsolved: '\u2717', empty: '\u2205', 'not applied': '\u2298', 'timed out': '\u29d6', 'did not run': '!', infrastructure: '\u26a0', unfinished: '\u2026'};
export const ENDINGS = Object.keys(SIGNS);
export const endingClass = (ending) => 'ending ' + ending.replaceAll(' ', '-');
