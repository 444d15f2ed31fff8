// Small signs that several pages show.

import {h, link} from 'viewer/parts/dom.js';
import {endingClass, SIGNS} from 'viewer/parts/format.js';

export const ending = (row) => h('span', {class: endingClass(row.ending), title: row.cause || null}, h('span', {'aria-hidden': 'true'}, SIGNS[row.ending]), ' ' + row.ending);

/** Tags of a row; each leads to the step that shows it, or to the patch. */
export const tags = (row) => (row.tags ?? []).map(({tag, why, step}) => link((step !== undefined ? `/e/${row.key}/${step}` : `/e/${row.key}`), {class: 'tag', title: why}, tag));

/** A share with its interval, drawn. */
export function interval(rate, label) {
  if (!rate) return h('span', {}, '\u2013');
  const at = (share) => (share * 100).toFixed(2) + '%';
  return h('span', {class: 'interval', role: 'img', 'aria-label': label ?? `${(rate.share * 100).toFixed(1)} %, 95 % interval ${(rate.low * 100).toFixed(1)} to ${(rate.high * 100).toFixed(1)}`},
    h('span', {class: 'range', style: {left: at(rate.low), width: at(rate.high - rate.low)}}), h('span', {class: 'point', style: {left: at(rate.share)}}));
}

/** Links to what there is of an episode. */
export function tabs(row, now) {
  const one = (page, name) => link(`/${page}/${row.key}`, {'aria-current': page === now ? 'page' : null}, name);
  return h('nav', {class: 'tabs', 'aria-label': 'Of this episode'}, one('e', 'Steps'), one('p', 'Patch and verdict'));
}
