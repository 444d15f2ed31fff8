"""Goes through the page of a run as a newcomer would, by mouse and by keys, and looks for what keeps some from reading it.

Takes the page, and a folder for screenshots. The run has instances with two samples each."""

import json
import re
import sys
import time
from pathlib import Path

from chromium import Chromium

AXE = (Path(__file__).parent / "axe.min.js").read_text()
html, shots = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
shots.mkdir(parents=True, exist_ok=True)
browser = Chromium()


def accessible(page, name):
    """Asserts that axe finds nothing serious."""
    page.js(AXE + "; 1")
    found = page.js("axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + ' | ' + n.failureSummary)])))")
    assert json.loads(found) == [], f"{name}: {found}"


def look(page, name):
    """Takes pictures, light and dark, wide and narrow, and asks axe of each."""
    for dark in (False, True):
        page.look((1280, 860), dark)
        time.sleep(0.25)
        page.shot(shots / f"{name}-{'dark' if dark else 'light'}.png")
        accessible(page, f"{name}, {'dark' if dark else 'light'}")
    # 1280 pixels at 400 %.
    page.look((320, 640))
    time.sleep(0.25)
    page.shot(shots / f"{name}-narrow.png")
    wide = page.js("document.documentElement.scrollWidth")
    assert wide <= 340, f"{name}: at 400 % it is {wide} wide"
    accessible(page, f"{name}, narrow")
    page.look((1280, 860))


try:
    begun = time.monotonic()
    page = browser.page(html.as_uri())
    page.until("document.querySelectorAll('.row').length > 3")
    print(f"the first page in {(time.monotonic() - begun) * 1000:.0f} ms")
    look(page, "run")

    # Figures by the formulas of `report`, whose tests have the same numbers.
    parts = page.js("""Promise.all(['stats', 'store', 'align', 'record'].map((name) => import(`viewer/data/${name}.js`))).then(([stats, store, {align}, record]) => {
      const index = {runs: [{name: 'r'}]}, row = {id: 'a__b-1', cell: 'c+x=1', run: 0, ending: 'unsolved', exit: 'submitted', model: '', cause: '', steps: 41, tags: [{tag: 'loop'}], patch: [1, 1, 1]};
      const met = (text) => store.matcher(text, index)({...row});
      const turn = (key) => ({action: {key, tool: key[0], line: key}});
      const rows = align([['a1', 'b1', 'c1'], ['a1', 'x1', 'b1', 'c2']].map((turns) => turns.map(turn)));
      const said = (role, content) => ({type: 'message', message: {role, content}}), answer = (view) => ({type: 'completion', completion: {message: {role: 'assistant', content: 'a'}}, view});
      const shown = (text) => ({type: 'observation', call: {id: '1', name: 'bash'}, observation: {text}, shown: null});
      const records = [said('system', 's'), said('user', 'u'), answer(), shown('o1'), answer(), shown('o2'), answer({observations: 1, masked: '-'}), shown('o3'), answer({dropped: 2})];
      return {
        wilson: stats.wilson(20, 100), mcnemar: [stats.mcnemar(1, 9), stats.mcnemar(0, 0), stats.mcnemar(5, 5), stats.mcnemar(300, 380)],
        met: ['b-1', 'ending:unsolved tag:loop', 'steps>40', '-tag:loop', 'steps>41', 'cell="c+x=1"', 'cell="c+x"', 'nothing'].map(met),
        rows: rows.rows.map((row) => row.map((turn) => turn?.action.key ?? '-').join(' ')), parted: rows.parted,
        asked: [2, 6, 8].map((place) => record.request(records, place).map(({content}) => content).join(' ')),
        clipped: record.clipped('abcdefgh', 'abc...gh'),
      };
    })""")
    assert [round(parts["wilson"][of], 3) for of in ("low", "high")] == [0.133, 0.289], parts
    assert [round(p, 4) for p in parts["mcnemar"]] == [0.0215, 1, 1, 0.0024], parts
    assert parts["met"] == [True, True, True, False, False, True, False, False], parts
    assert parts["rows"] == ["a1 a1", "- x1", "b1 b1", "c1 c2"] and parts["parted"] == 1, parts
    assert parts["asked"] == ["s u", "s u a - a o2", "s u a o2 a o3"], parts
    assert parts["clipped"] == {"head": 3, "tail": 2, "gone": 3}, parts

    # Filters, and searches all text.
    count = "document.querySelectorAll('.list .row').length"
    all_rows = page.js(count)
    page.key("f")
    page.text("durations")
    page.until(f"{count} < {all_rows}")
    assert "f=durations" in page.js("location.hash")
    page.key("Escape")
    page.js("location.hash = '#/'")
    page.until(f"{count} === {all_rows}")
    page.key("/")
    page.text("unittest")
    page.until("/in [1-9]\\d* episodes?,/.test(document.querySelector('.searched').innerText)")
    print("search:", page.js("document.querySelector('.searched').innerText"))
    page.js("document.activeElement.blur(); location.hash = '#/'")
    page.until(f"{count} === {all_rows} && !document.querySelector('.row .hit')")

    # By keys to an episode and through its steps.
    page.key("j")
    page.key("j")
    page.key("k")
    page.until("document.querySelector('.row.at').getAttribute('aria-rowindex') === '3'")
    page.key("l")
    page.until("!!document.querySelector('.episode .card')")
    page.key("j")
    page.key("j")
    page.until("/\\/\\d+\\/[1-9]\\d*$/.test(location.hash)")
    step = page.js("location.hash")
    look(page, "episode")

    # A deep link to the step.
    other = browser.page(html.as_uri() + step)
    other.until("!!document.querySelector('.card.at')")
    assert other.js("document.querySelector('.card.at').dataset.step") == re.search(r"\d+$", step).group()
    assert not other.faults(), other.faults()
    other.close()

    # What the model was sent, and the record of the step.
    page.js("[...document.querySelectorAll('.card.turn button')].find((b) => b.innerText === 'Request').click()")
    page.until("document.querySelector('dialog')?.innerText.includes('\"role\"')")
    accessible(page, "the window of a text")
    page.js("document.querySelector('dialog button').click()")
    page.until("!document.querySelector('dialog')")

    # The patch and the verdict.
    page.key("p")
    page.until("!!document.querySelector('.diff') && !!document.querySelector('.tests')")
    assert page.js("document.querySelectorAll('.diff').length") >= 2, "the reference patch is beside"
    look(page, "verdict")
    page.key("s")
    page.until("document.querySelector('[aria-pressed=true]')")
    page.key("s")

    # Two attempts side by side.
    page.js("location.hash = '#/'")
    page.until("!!document.querySelector('.list .row')")
    page.key("x")
    page.key("j")
    page.key("x")
    page.key("c")
    page.until("document.querySelectorAll('.compare-head .cell').length === 2 && !!document.querySelector('.compare-row .cell pre')")
    look(page, "compare")

    # Why it failed, the best of n, two runs, notes.
    for address, name, there in (("#/why", "why", ".bars"), ("#/best", "best", ".instance"), ("#/x", "runs", "h1"), ("#/notes", "notes", "h1")):
        page.js(f"location.hash = {address!r}")
        page.until(f"!!document.querySelector({there!r}) && document.querySelector('nav a[aria-current]').getAttribute('href') === {address!r}")
        look(page, name)

    # Notes are kept.
    page.js(f"location.hash = {step!r}")
    page.until("!!document.querySelector('details.notes')")
    page.js("document.querySelector('details.notes').open = true; document.querySelector('details.notes textarea').focus()")
    page.text("mind the second unit")
    page.js("location.hash = '#/notes'")
    page.until("document.querySelector('main').innerText.includes('mind the second unit')")

    # Other keys, and a reader who prints.
    page.key("?")
    page.until("!!document.querySelector('dialog.keys')")
    accessible(page, "the keys")
    page.js("document.querySelector('dialog button').click()")
    page.js(f"location.hash = {step!r}")
    page.until("!!document.querySelector('.episode .card')")
    page.send("Page.printToPDF")

    faults = page.faults()
    assert not faults, faults
    asked = [url for url in page.requests() if not url.startswith(("file:", "blob:", "data:"))]
    assert not asked, f"it asked of a network: {asked}"
    print("the walk went well")
finally:
    browser.close()
