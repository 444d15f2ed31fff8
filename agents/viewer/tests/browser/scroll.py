"""Scrolls through an episode of 5,000 steps and an observation of 50 MB, and counts the frames."""

import sys
import time
from pathlib import Path

from chromium import Chromium

FRAMES = """new Promise((done) => {
  const list = %s, times = [], begin = performance.now();
  let last = begin;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    list.scrollTop += %d;
    if (now - begin < 3000) requestAnimationFrame(frame);
    else { times.shift(); times.sort((a, b) => a - b); done({frames: times.length, median: times[times.length >> 1], p95: times[Math.floor(times.length * .95)], worst: times.at(-1), at: list.scrollTop, all: list.scrollHeight, drawn: list.querySelectorAll('.entry').length}); }
  };
  requestAnimationFrame(frame);
})"""

browser = Chromium()
try:
    page = browser.page(Path(sys.argv[1]).as_uri())
    page.until("document.querySelectorAll('.row').length > 2")

    def follow(name):
        begun = time.monotonic()
        page.js(f"location.hash = [...document.querySelectorAll('.row a')].map(a => a.getAttribute('href')).find(h => h.includes('{name}'))")
        page.until("!!document.querySelector('.episode .card')")
        return time.monotonic() - begun

    print(f"5,000 steps open in {follow('steps') * 1000:.0f} ms")
    found = page.js(FRAMES % ("document.querySelector('.episode > .list')", 180))
    print("5,000 steps:", found)
    assert found["drawn"] < 60 and found["at"] > 3000, found
    page.key("End")
    page.until("document.querySelector('.episode > .list').innerText.includes('Outcome')")
    page.js("location.hash = '#/'")
    page.until("document.querySelectorAll('.row').length > 2")
    print(f"50 MB open in {follow('huge') * 1000:.0f} ms")
    page.until("!![...document.querySelectorAll('.folded button')].find(b => b.innerText.includes('Show all'))")
    begun = time.monotonic()
    page.js("[...document.querySelectorAll('.folded button')].find(b => b.innerText.includes('Show all')).click()")
    page.until("!!document.querySelector('dialog .line')")
    print(f"its lines are shown in {(time.monotonic() - begun) * 1000:.0f} ms")
    found = page.js(FRAMES % ("document.querySelector('dialog .list')", 2000))
    print("50 MB:", found)
    assert found["drawn"] < 250 and found["at"] > 20000, found
    page.js("document.querySelector('dialog .list').scrollTop = 1e9")
    page.until("document.querySelector('dialog .list').innerText.includes('00757')")
    memory = page.js("performance.memory ? Math.round(performance.memory.usedJSHeapSize / 1e6) : null")
    print(f"heap {memory} MB")
    assert not page.faults(), page.faults()
finally:
    browser.close()
