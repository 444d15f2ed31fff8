import {h} from 'viewer/parts/dom.js';
export async function bestPage(view) { return {title: 'best', element: h('div', {class: 'page plain'}, 'best')}; }
