// Holds the blocks, decodes them when they are asked for, and searches them.

import {decompress} from 'viewer/data/zstd.js';
import {each, excerpt, forms} from 'viewer/data/searching.js';

/** How many decoded bytes are kept. */
const KEPT = 192 << 20;
const packed = new Map(), decoded = new Map();
let kept = 0, texts = [];

function block(number) {
  let bytes = decoded.get(number);
  if (bytes) decoded.delete(number); else {
    bytes = decompress(packed.get(number));
    kept += bytes.length;
    for (const [other, old] of decoded) {
      if (kept <= KEPT) break;
      decoded.delete(other);
      kept -= old.length;
    }
  }
  decoded.set(number, bytes);
  return bytes;
}

function search(query) {
  const needles = forms(query), found = [];
  let number = -1, bytes;
  for (const [row, name, held, from, to] of texts) {
    if (held !== number) { bytes = block(held); number = held; }
    let count = 0, first = -1;
    for (const needle of needles) each(bytes, needle, from, to, (at) => { count++; if (first < 0 || at < first) first = at; });
    if (count) found.push([row, name, count, excerpt(bytes, first, needles[0].length, from, to)]);
  }
  return found;
}

const answers = {
  block({block: number, bytes}) { packed.set(number, bytes); },
  slice({block: number, from, to}) { return block(number).slice(from, to); },
  texts(asked) {
    texts = asked.texts.sort((a, b) => a[2] - b[2] || a[3] - b[3]);
    // As many blocks are decoded as stay decoded, so that a search need not.
    for (const [, , number] of texts) if (kept < KEPT * 0.8) block(number);
  },
  search({query}) { return search(query); },
};

onmessage = ({data}) => {
  try {
    const answer = answers[data.what](data);
    postMessage({number: data.number, answer}, answer instanceof Uint8Array ? [answer.buffer] : []);
  } catch (err) {
    postMessage({number: data.number, err: String(err && err.message || err)});
  }
};
