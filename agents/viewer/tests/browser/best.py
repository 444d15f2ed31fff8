"""Opens a page of attempts with scores, and sees that their curves are drawn and every score can be scrolled to."""

import sys
from pathlib import Path

from chromium import Chromium

browser = Chromium(size=(1000, 700))
try:
    page = browser.page(Path(sys.argv[1]).as_uri(), size=(1000, 700))
    page.until("document.querySelectorAll('.row').length > 2")
    last = "document.querySelector('.row:not(.head) > :last-child').getBoundingClientRect().right"
    table = "document.querySelector('.table').getBoundingClientRect().right"
    assert page.js(last) <= page.js(table), f"the last column ends at {page.js(last)}, the table at {page.js(table)}"
    page.js("location.hash = '#/best'")
    page.until("!!document.querySelector('main > .page .instance')")
    told = page.js("document.querySelector('svg.plot')?.getAttribute('aria-label') ?? document.body.innerText")
    for scorer in ("random", "first", "majority", "learned", "tests", "oracle"):
        assert f"{scorer} " in told and "100.0 at 2" in told, told
    assert not page.faults(), page.faults()
    print(told)
finally:
    browser.close()
