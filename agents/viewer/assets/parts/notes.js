// Notes of the reader, kept in the browser.

/** Notes by the key of an episode. */
export class Notes {
  constructor(title) {
    this.name = 'spotter-notes:' + title.slice(0, 200);
    this.kept = {};
    try { this.kept = JSON.parse(localStorage.getItem(this.name) || '{}'); } catch { this.lost = true; }
  }
  get(key) { return this.kept[key]?.text ?? ''; }
  set(key, text) {
    if (text.trim()) this.kept[key] = {text, at: new Date().toISOString()}; else delete this.kept[key];
    try { localStorage.setItem(this.name, JSON.stringify(this.kept)); } catch { this.lost = true; }
  }
  all() { return Object.entries(this.kept); }
  /** Adds notes that were exported; of two on one episode the later one stays. */
  add(text) {
    const given = JSON.parse(text);
    for (const [key, note] of Object.entries(given.notes ?? {})) {
      if (typeof note?.text === 'string' && !(this.kept[key]?.at >= note.at)) this.kept[key] = {text: note.text, at: String(note.at ?? '')};
    }
    try { localStorage.setItem(this.name, JSON.stringify(this.kept)); } catch { this.lost = true; }
  }
  exported() { return JSON.stringify({version: 1, notes: this.kept}, null, 1); }
}
