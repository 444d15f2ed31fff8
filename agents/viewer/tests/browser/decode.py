"""Decodes what zstd has compressed by the page's own decoder."""

import base64
import sys
import time
from pathlib import Path

from chromium import Chromium

folder = Path(sys.argv[1])
code = (Path(__file__).parent / "../../assets/data/zstd.js").read_text().replace("export function", "function")
browser = Chromium()
try:
    page = browser.page()
    page.js(f"window.decompress = (() => {{ {code}; return decompress; }})(); 1")
    page.js("window.bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)); 1")
    count = 0
    for packed in sorted(folder.glob("*.zst")):
        raw = (folder / (packed.name.split(".")[0] + ".raw")).read_bytes()
        held = base64.b64encode(packed.read_bytes()).decode()
        page.js(f"window.out = decompress(bytes({held!r})); 1")
        got = page.js("(() => { let text = ''; for (let n = 0; n < out.length; n += 8192) text += String.fromCharCode(...out.subarray(n, n + 8192)); return btoa(text); })()")
        assert base64.b64decode(got) == raw, packed.name
        count += 1
        # What is cut off or changed is told, and never takes for ever.
        for harm in ("b.slice(0, b.length >> 1)", "b.map((v, n) => n === (b.length >> 1) ? v ^ 85 : v)"):
            begun = time.monotonic()
            page.js(f"(() => {{ const b = bytes({held!r}); try {{ decompress({harm}); return 'read'; }} catch (err) {{ return String(err); }} }})()", wait=20)
            assert time.monotonic() - begun < 10, packed.name
    assert count == 24, count
    print(f"{count} frames are decoded")
finally:
    browser.close()
