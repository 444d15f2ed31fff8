import {h} from 'viewer/parts/dom.js';
export async function runsPage(view) { return {title: 'runs', element: h('div', {class: 'page plain'}, 'runs')}; }
