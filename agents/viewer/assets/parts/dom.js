// Elements. Text is always text: nothing of what is shown is ever read as HTML.

/** Characters that have no shape of their own, or that turn the direction of what follows. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Returns a text in which characters that cannot be seen stand as signs. */
export function visible(text) {
  return String(text).replace(/\r\n/g, '\n').replace(HIDDEN, (letter) => {
    const code = letter.charCodeAt(0);
    if (code < 32) return String.fromCharCode(0x2400 + code);
    return code === 127 ? '\u2421' : '\u27e8U+' + code.toString(16).toUpperCase().padStart(4, '0') + '\u27e9';
  });
}

/** Makes an element: `on…` are listeners, `class`, `data-…` and `aria-…` attributes, null is left out. */
export function h(tag, given, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style' && typeof value === 'object') for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === 'value' || name === 'checked' || name === 'textContent') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
}

/** Puts these in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Makes an element of SVG. */
export function svg(tag, given, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(given || {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value); else if (value !== null) element.setAttribute(name, value);
  }
  children.flat().forEach((child) => child && element.append(child instanceof Node ? child : document.createTextNode(visible(child))));
  return element;
}

/** Says something to who listens to the page. */
export function say(text) {
  const place = document.getElementById('said');
  if (place) place.textContent = visible(text);
}

/** Sets a part of a text apart wherever it occurs. */
export function marked(text, query) {
  const shown = visible(text);
  if (!query) return [shown];
  const parts = [], lower = shown.toLowerCase(), wanted = visible(query).toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0 && parts.length < 2000; at = lower.indexOf(wanted, from)) {
    parts.push(shown.slice(from, at), h('mark', {}, shown.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  parts.push(shown.slice(from));
  return parts;
}

/** A link within the page. */
export function link(to, given, ...children) {
  return h('a', {href: '#' + to, ...given}, ...children);
}

/** Copies a text, where the browser lets it. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(what + ' copied');
  } catch {
    const area = h('textarea', {value: text});
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    say(what + ' copied');
  }
}
