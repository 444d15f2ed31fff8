"""Opens a page of hostile text, goes through all of it, and sees that nothing of it was run or hidden."""

import sys
import time
from pathlib import Path

from chromium import Chromium

browser = Chromium()
try:
    page = browser.page(Path(sys.argv[1]).as_uri())
    page.until("document.querySelectorAll('.row').length > 2")
    rows = page.js("[...document.querySelectorAll('.row a')].map(a => a.getAttribute('href')).filter(h => h.startsWith('#/e/'))")
    addresses = ["#/", "#/why", "#/best", "#/x", "#/notes"]
    for row in dict.fromkeys(rows):
        addresses += [row, row.replace("/e/", "/p/")]
    addresses.append("#/c?" + "&".join("with=" + page.js(f"encodeURIComponent({row[4:]!r})") for row in list(dict.fromkeys(rows))[:2]))
    shown = ""
    for address in addresses:
        page.js(f"location.hash = {address!r}")
        page.until("!!document.querySelector('main > .page, main > .fault')")
        time.sleep(0.4)
        page.js("document.querySelectorAll('details').forEach(d => { d.open = true; }); document.querySelectorAll('.folded button').forEach(b => b.click())")
        time.sleep(0.3)
        page.js("document.querySelectorAll('dialog[open]').forEach(d => d.close())")
        shown += page.js("document.body.innerText")
        assert page.js("window.harmed") is None, f"text was run at {address}"
        assert page.js("document.querySelectorAll('main img, main script, main iframe, main object').length") == 0, address
    for wanted in ("</script><script>window.harmed = 1</script>", "\u27e8U+202E\u27e9gnirts", "\u241b[31mred", "\u2400", "\u27e8U+200B\u27e9", "<img src=x onerror='window.harmed=1'>", "This is no patch that can be read", "words, and no diff </script>"):
        assert wanted in shown, f"this is not shown: {wanted!r}"
    assert "\u202e" not in shown and "\x1b" not in shown and "\x00" not in shown
    assert not page.faults(), page.faults()
    print(f"hostile text is shown as text on {len(addresses)} pages")
finally:
    browser.close()
