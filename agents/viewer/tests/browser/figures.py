"""Measures pages: how soon they are there, how long episodes and searches take, and how much memory they hold."""

import json
import subprocess
import sys
import time
from pathlib import Path

from chromium import Chromium

QUERIES = ("def get", "traceback", "zzqqyy")
OPEN = """new Promise((done) => {
  const links = [...document.querySelectorAll('.list .row a')].map((a) => a.getAttribute('href')).filter((href) => href.startsWith('#/e/'));
  const begun = performance.now();
  location.hash = links[%d %% links.length];
  const look = () => document.querySelector('.episode .card') ? done(performance.now() - begun) : requestAnimationFrame(look);
  look();
})"""
BOX = "document.querySelector('input[aria-label^=Search]')"

for name in sys.argv[1:]:
    browser = Chromium()
    try:
        url = Path(name).absolute().as_uri()
        page = browser.page(url)
        page.until("document.querySelectorAll('.row').length > 2")
        first = page.js("performance.now()")
        page.until("document.documentElement.dataset.searchable === 'yes'", 300)
        ready = page.js("performance.now()")
        searches = []
        for query in QUERIES:
            page.js(f"{BOX}.value = {query!r}; {BOX}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter'}}))")
            page.until("/in .* ms/.test(document.querySelector('.searched').textContent)", 60)
            searches.append(page.js("document.querySelector('.searched').textContent"))
            page.js("document.querySelector('.searched').textContent = ''")
        page.js(f"{BOX}.value = ''; {BOX}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter'}}))")
        page.until("!document.querySelector('.row .hit') && document.querySelectorAll('.list .row').length > 1")
        opened = []
        for number in range(0, 24, 3):
            opened.append(round(page.js(OPEN % number)))
            page.js("location.hash = '#/'")
            page.until("document.querySelectorAll('.list .row').length > 1")
        processes = subprocess.run(["ps", "-eo", "rss,args"], capture_output=True, text=True).stdout.splitlines()
        held = [int(line.split()[0]) // 1024 for line in processes if "--type=renderer" in line and browser.folder in line]
        assert not page.faults(), page.faults()
        print(json.dumps({"page": Path(name).name, "bytes": Path(name).stat().st_size, "first_page_ms": round(first), "searchable_ms": round(ready), "searches": searches, "episodes_ms": opened, "renderer_mb": max(held)}))
    finally:
        browser.close()
