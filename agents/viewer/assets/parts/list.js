// Lists of any length, of which only what is seen is in the page.

import {h} from 'viewer/parts/dom.js';

/** Browsers do not scroll through more pixels than this. */
const TALLEST = 15e6;

/**
 * A list whose entries have heights of their own, measured once they are drawn.
 * `draw(number)` returns the element of an entry; `guess` is the height of one that has not been drawn.
 */
export class List {
  constructor({count, draw, guess, label, role = 'list', fixed = false}) {
    Object.assign(this, {count, drawn: new Map(), drawOne: draw, guess, fixed, heights: new Map(), first: 0});
    this.space = h('div', {class: 'space', role: 'presentation'});
    this.element = h('div', {class: 'list', tabindex: '0', role, 'aria-label': label}, this.space);
    this.element.addEventListener('scroll', () => this.later(), {passive: true});
    this.watch = new ResizeObserver((entries) => this.measured(entries));
    new ResizeObserver(() => this.later()).observe(this.element);
    for (const moved of ['wheel', 'touchmove', 'pointerdown', 'keydown']) this.element.addEventListener(moved, () => { this.held = null; }, {passive: true});
    this.reset(count);
  }

  /** Takes it that there are so many entries, and draws those that are seen anew. */
  reset(count = this.count, keepHeights = false) {
    if (!keepHeights || count < this.count) this.heights.clear();
    this.count = count;
    this.sums = null;
    for (const element of this.drawn.values()) { this.watch.unobserve(element); element.remove(); }
    this.drawn.clear();
    this.later();
  }

  /** Draws one entry anew. */
  redraw(number) {
    const old = this.drawn.get(number);
    if (!old) return;
    this.watch.unobserve(old);
    old.remove();
    this.drawn.delete(number);
    this.later();
  }

  top(number) {
    if (this.fixed) return number * this.guess;
    if (!this.sums) {
      this.sums = new Float64Array(this.count + 1);
      for (let n = 0; n < this.count; n++) this.sums[n + 1] = this.sums[n] + (this.heights.get(n) ?? this.guess);
    }
    return this.sums[number];
  }

  /** Returns the entry at a height. */
  at(height) {
    if (this.fixed) return Math.max(0, Math.min(this.count - 1, Math.floor(height / this.guess)));
    let low = 0, high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= height) low = middle; else high = middle - 1;
    }
    return Math.max(0, low);
  }

  later() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => { this.due = 0; this.show(); });
  }

  show() {
    const all = this.top(this.count), scale = all > TALLEST ? TALLEST / all : 1;
    this.space.style.height = Math.min(all, TALLEST) + 'px';
    if (!this.count) return;
    const {scrollTop, clientHeight} = this.element, height = clientHeight || 800;
    const over = Math.min(TALLEST, all) - height;
    const from = scale < 1 && over > 0 ? (scrollTop / over) * (all - height) : scrollTop;
    const shift = scrollTop - from;
    const first = this.at(from - height / 2), last = this.at(from + height * 1.5);
    for (const [number, element] of this.drawn) {
      if ((number < first || number > last) && !element.contains(document.activeElement)) { this.watch.unobserve(element); element.remove(); this.drawn.delete(number); }
    }
    for (let number = first; number <= last; number++) {
      let element = this.drawn.get(number);
      if (!element) {
        element = this.drawOne(number);
        element.classList.add('entry');
        if (this.fixed) element.style.height = this.guess + 'px';
        // In the order of the list, for who reads without seeing.
        let before = null;
        for (let next = number + 1; next <= last && !before; next++) before = this.drawn.get(next) ?? null;
        this.space.insertBefore(element, before);
        this.drawn.set(number, element);
        if (!this.fixed) this.watch.observe(element);
      }
      element.style.transform = `translateY(${this.top(number) + shift}px)`;
    }
    this.onshow?.(this.at(from + 4));
  }

  measured(entries) {
    let above = 0, changed = false;
    const {scrollTop} = this.element;
    for (const {target} of entries) {
      for (const [number, element] of this.drawn) {
        if (element !== target) continue;
        const height = target.offsetHeight, old = this.heights.get(number) ?? this.guess;
        if (height && height !== old) {
          if (this.top(number) + old <= scrollTop) above += height - old;
          this.heights.set(number, height);
          changed = true;
        }
        break;
      }
    }
    if (!changed) return;
    this.sums = null;
    // What is seen stays where it is when something above it turns out taller.
    if (above) this.element.scrollTop = scrollTop + above;
    this.show();
    if (this.held) {
      this.held();
      this.show();
    }
  }

  /** Brings an entry into view. */
  reveal(number, where = 'near') {
    if (number < 0 || number >= this.count) return;
    const top = this.top(number), bottom = this.top(number + 1), {scrollTop, clientHeight} = this.element;
    if (where === 'near' && top >= scrollTop && bottom <= scrollTop + clientHeight) return this.later();
    const go = () => {
      const all = this.top(this.count), target = where === 'near' && top > scrollTop ? this.top(number + 1) - clientHeight : this.top(number);
      this.element.scrollTop = all > TALLEST ? (target / (all - clientHeight)) * (TALLEST - clientHeight) : target;
    };
    this.show();
    go();
    this.show();
    if (where === 'top' && !this.fixed) {
      // What is drawn on the way there may change heights for a moment.
      this.held = go;
      clearTimeout(this.letGo);
      this.letGo = setTimeout(() => { this.held = null; }, 1500);
    }
  }

  /** Draws all entries one below the other, as for print; no more than a few thousand. */
  whole() {
    if (this.count > 3000) return;
    this.element.classList.add('all');
    for (let number = 0; number < this.count; number++) {
      if (this.drawn.has(number)) continue;
      const element = this.drawOne(number);
      element.classList.add('entry');
      this.drawn.set(number, element);
    }
    this.space.replaceChildren(...[...this.drawn].sort((a, b) => a[0] - b[0]).map(([, element]) => element));
    addEventListener('afterprint', () => { this.element.classList.remove('all'); this.reset(); }, {once: true});
  }
}
