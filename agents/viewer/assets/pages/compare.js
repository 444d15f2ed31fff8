import {h} from 'viewer/parts/dom.js';
export async function comparePage(view) { return {title: 'compare', element: h('div', {class: 'page plain'}, 'compare')}; }
