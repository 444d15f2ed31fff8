// Keys, of the page that is shown and of all.

import {h} from 'viewer/parts/dom.js';

let ours = {}, always = {}, before = '';

const typing = (target) => target.closest?.('input, textarea, select, [contenteditable]');

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target)) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  if (document.querySelector('dialog[open]')) return;
  const two = before ? before + ' ' + event.key : '';
  const found = ours[two] ?? always[two] ?? ours[event.key] ?? always[event.key];
  before = '';
  if (found) {
    // A key of its own of what has the focus is not taken from it.
    if ((event.key === 'Enter' || event.key === ' ') && event.target.closest?.('a, button, summary')) return;
    event.preventDefault();
    found[1](event);
  } else if (event.key === 'g') before = 'g';
});

function help() {
  const row = ([name, [what]]) => h('tr', {}, h('th', {scope: 'row'}, name.split(' ').map((one) => h('kbd', {}, one))), h('td', {}, what));
  const close = h('button', {onclick: () => dialog.close()}, 'Close');
  const dialog = h('dialog', {class: 'keys', 'aria-label': 'Keys', onclose: () => dialog.remove()}, h('h2', {}, 'Keys'), h('table', {}, h('tbody', {}, [...Object.entries(ours), ...Object.entries(always)].map(row))), close);
  document.body.append(dialog);
  dialog.showModal();
}

export const keys = {
  page(given) { ours = given; },
  always(given) { always = given; },
  help,
};
