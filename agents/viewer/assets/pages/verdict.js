import {h} from 'viewer/parts/dom.js';
export async function verdictPage(view) { return {title: 'verdict', element: h('div', {class: 'page plain'}, 'verdict')}; }
