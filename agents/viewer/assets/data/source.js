// Where the page has its data from: its own blocks, or the server that serves it.

import {decompress} from 'viewer/data/zstd.js';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Returns a worker that decodes blocks and searches them. */
function worker(modules) {
  const text = ['data/zstd.js', 'data/searching.js', 'data/worker.js'].map((name) => modules[name].replace(/^import .*$/gm, '').replace(/^export /gm, ''));
  const url = URL.createObjectURL(new Blob(text, {type: 'text/javascript'}));
  return new Worker(url);
}

/** Asks a worker, and waits for its answers. */
class Asked {
  constructor(modules) {
    this.worker = worker(modules);
    this.waiting = new Map();
    this.next = 1;
    this.worker.onmessage = ({data: {number, answer, err}}) => {
      const {done, failed} = this.waiting.get(number) || {};
      this.waiting.delete(number);
      if (err) failed?.(new Error(err)); else done?.(answer);
    };
    this.worker.onerror = (event) => {
      for (const {failed} of this.waiting.values()) failed(new Error(event.message || 'the worker died'));
      this.waiting.clear();
    };
  }
  ask(what, transfer = []) {
    return new Promise((done, failed) => {
      const number = this.next++;
      this.waiting.set(number, {done, failed});
      this.worker.postMessage({number, ...what}, transfer);
    });
  }
}

/** The blocks of one file. */
export class FileSource {
  constructor({page, modules, unpack}) {
    Object.assign(this, {page, unpack, asked: new Asked(modules), sent: new Set(), live: false});
  }

  /** Returns the text of an element once it is there as a whole. */
  async element(id) {
    for (;;) {
      const found = this.page.getElementById(id);
      if (found && (found.nextElementSibling || this.page.readyState !== 'loading')) return found;
      if (!found && this.page.readyState !== 'loading') throw new Error(`the file is cut off: it has no part "${id}"`);
      await pause(5);
    }
  }

  async index() {
    return JSON.parse(new TextDecoder().decode(decompress(this.unpack((await this.element('index')).textContent))));
  }

  /** Hands a block to the worker, and lets go of it here. */
  async send(block) {
    if (this.sent.has(block)) return;
    this.sent.add(block);
    const found = await this.element('b' + block);
    const bytes = this.unpack(found.textContent);
    found.textContent = '';
    await this.asked.ask({what: 'block', block, bytes}, [bytes.buffer]);
  }

  /** Returns the text at a place of a block. */
  async at(place) {
    const [block, from, to] = place;
    await this.send(block);
    return new TextDecoder().decode(await this.asked.ask({what: 'slice', block, from, to}));
  }

  /** Returns a file of an episode; null where there is none. */
  async text(row, name) {
    if (name === 'patch.diff' && !row.files[name] && row.files['trajectory.jsonl']) return this.handedIn(row);
    return row.files[name] ? this.at(row.files[name]) : null;
  }

  /** Returns the patch of an episode whose record ends with it. */
  async handedIn(row) {
    const last = (await this.text(row, 'trajectory.jsonl') ?? '').trimEnd().split('\n').at(-1);
    try { return JSON.parse(last).patch ?? null; } catch { return null; } // A record that is torn has no outcome.
  }

  async gold(id, index) {
    return index.gold?.[id] ? JSON.parse(await this.at(index.gold[id])) : null;
  }

  /** Makes all ready for search, in the background. */
  async prepare(rows) {
    if (this.prepared) return this.prepared;
    const texts = [];
    rows.forEach((row, number) => {
      for (const [name, place] of Object.entries(row.files)) texts.push([number, name, ...place]);
    });
    const blocks = [...new Set(texts.map((text) => text[2]))];
    this.prepared = (async () => {
      for (const block of blocks) {
        await this.send(block);
        await pause(0);
      }
      await this.asked.ask({what: 'texts', texts});
    })();
    return this.prepared;
  }

  /** Returns how often a text is in the files of each row: a list of [row, file, count, excerpt]. */
  async search(query, rows) {
    await this.prepare(rows);
    return this.asked.ask({what: 'search', query});
  }
}

/** The server of a run that goes on. */
export class LiveSource {
  constructor() {
    this.live = true;
    this.version = '';
    this.rows = new Map();
  }

  /** Returns the index; null where nothing has changed since it was last asked for. */
  async index() {
    const answer = await fetch('index?since=' + encodeURIComponent(this.version), {cache: 'no-store'});
    if (answer.status === 204) return null;
    if (!answer.ok) throw new Error(await answer.text());
    const index = await answer.json();
    this.version = index.at;
    return index;
  }

  async text(row, name) {
    if (!row.files[name]) return null;
    const key = new URLSearchParams({run: row.run, cell: row.cell, id: row.id, sample: row.sample, name});
    const answer = await fetch('file?' + key, {cache: 'no-store'});
    if (!answer.ok) throw new Error(await answer.text());
    return answer.text();
  }

  async gold(id, index) {
    if (!index.gold?.[id]) return null;
    return (await fetch('gold?id=' + encodeURIComponent(id), {cache: 'no-store'})).json();
  }

  async prepare() {}

  async search(query) {
    const answer = await fetch('search?q=' + encodeURIComponent(query), {cache: 'no-store'});
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}
