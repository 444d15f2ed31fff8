import {h} from 'viewer/parts/dom.js';
export async function notesPage(view) { return {title: 'notes', element: h('div', {class: 'page plain'}, 'notes')}; }
