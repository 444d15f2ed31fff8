import {h} from 'viewer/parts/dom.js';
export async function whyPage(view) { return {title: 'why', element: h('div', {class: 'page plain'}, 'why')}; }
