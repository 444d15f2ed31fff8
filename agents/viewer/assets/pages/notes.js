// The reader's notes.

import {h, link, say} from 'viewer/parts/dom.js';
import {keys} from 'viewer/parts/keys.js';

export async function notesPage(view) {
  keys.page({u: ['back to the run', () => view.go('/')]});
  const {notes} = view, list = h('div', {});
  const draw = () => list.replaceChildren(...notes.all().map(([key, {text, at}]) => h('div', {class: 'card'}, h('h2', {}, view.byKey.has(key) ? link('/e/' + key, {}, decodeURIComponent(key)) : decodeURIComponent(key)), h('p', {class: 'nothing'}, at), h('pre', {}, text))), notes.all().length ? '' : h('p', {class: 'nothing'}, 'There are none yet: each episode has a place for them.'));
  const save = () => {
    const to = URL.createObjectURL(new Blob([notes.exported()], {type: 'application/json'}));
    h('a', {href: to, download: 'notes.json'}).click();
    setTimeout(() => URL.revokeObjectURL(to), 10000);
  };
  const file = h('input', {type: 'file', accept: '.json,application/json', 'aria-label': 'A file of notes', onchange: async () => {
    try { notes.add(await file.files[0].text()); draw(); say('notes taken in'); } catch (err) { say('this is no file of notes: ' + err.message); }
  }});
  draw();
  return {title: 'Notes', element: h('div', {class: 'page plain'}, h('h1', {}, 'Notes'), h('p', {}, 'Notes stay in this browser. ', notes.lost && h('span', {class: 'bad'}, 'It does not keep them here: export them before you leave.')), h('div', {class: 'tools'}, h('button', {onclick: save}, 'Export'), h('label', {}, 'Take in ', file)), list)};
}
