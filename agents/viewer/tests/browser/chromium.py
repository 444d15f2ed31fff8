"""Drives a Chromium over its debugging pipe; needs nothing but Python's own library."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find():
    """Returns the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    def __init__(self, size=(1400, 900)):
        self.folder = tempfile.mkdtemp(prefix="chromium-")
        (theirs, self.out), (self.into, ours) = os.pipe(), os.pipe()

        def hand_over():
            # The browser reads from 3 and writes to 4. What they are may be where these are.
            a, b = os.dup(theirs), os.dup(ours)
            os.dup2(a, 3)
            os.dup2(b, 4)

        arguments = [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                     f"--window-size={size[0]},{size[1]}", f"--user-data-dir={self.folder}", "about:blank"]
        self.process = subprocess.Popen(arguments, preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(ours)
        self.number, self.held, self.events = 0, b"", []

    def close(self):
        try:
            self.send("Browser.close")
        except Exception:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self, until):
        while b"\0" not in self.held:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.into, 1 << 20)
            if not part:
                raise EOFError("the browser has gone")
            self.held += part
        message, self.held = self.held.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, session=None, wait=60, **params):
        self.number += 1
        number = self.number
        asked = {"id": number, "method": method, "params": params}
        if session:
            asked["sessionId"] = session
        data = json.dumps(asked).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        until = time.monotonic() + wait
        while True:
            answer = self.receive(until)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def page(self, url="about:blank", **given):
        return Page(self, url, **given)


class Page:
    """A tab. `faults` is what its console tells of errors, `requests` what it asked of any network."""

    def __init__(self, browser, url, size=(1400, 900), dark=False, scale=1):
        self.browser = browser
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")
        self.look(size, dark, scale)
        self.open(url)

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def look(self, size, dark=False, scale=1):
        self.send("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=scale, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.until("document.documentElement.dataset.ready === 'yes' || !!document.querySelector('.fault')" if url != "about:blank" else "true")

    def js(self, code, wait=60):
        found = self.browser.send("Runtime.evaluate", self.session, wait, expression=code, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise RuntimeError(f"{code[:200]}: {details.get('exception', {}).get('description', details.get('text'))}")
        return found["result"].get("value")

    def until(self, code, wait=30):
        end = time.monotonic() + wait
        while time.monotonic() < end:
            try:
                if self.js(f"!!({code})"):
                    return
            except RuntimeError:
                pass  # The page is being opened.
            time.sleep(0.03)
        raise AssertionError(f"this did not come about: {code}\n{self.js('document.body.innerText.slice(0, 1500)')}\n{self.faults()}")

    def key(self, key):
        code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key)
        given = {"key": key, "text": "\r" if key == "Enter" else key if len(key) == 1 else ""}
        if code:
            given["windowsVirtualKeyCode"] = code
        self.send("Input.dispatchKeyEvent", type="keyDown", **given)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def text(self, text):
        self.send("Input.insertText", text=text)

    def click(self, selector):
        place = self.js(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null; e.scrollIntoView({{block: 'nearest'}}); const r = e.getBoundingClientRect(); return [r.left + r.width / 2, r.top + Math.min(r.height / 2, 20)]; }})()")
        assert place, f"there is nothing to click: {selector}"
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def shot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def mine(self, method):
        self.js("1")
        return [event["params"] for event in self.browser.events if event.get("sessionId") == self.session and event.get("method") == method]

    def faults(self):
        faults = [str(event["exceptionDetails"].get("exception", {}).get("description", event)) for event in self.mine("Runtime.exceptionThrown")]
        faults += [event["entry"]["text"] for event in self.mine("Log.entryAdded") if event["entry"]["level"] in ("error", "warning")]
        faults += [str([one.get("value", one.get("description")) for one in event["args"]]) for event in self.mine("Runtime.consoleAPICalled") if event["type"] in ("error", "warning", "assert")]
        return faults

    def requests(self):
        return [event["request"]["url"] for event in self.mine("Network.requestWillBeSent")]

    def close(self):
        self.browser.send("Target.closeTarget", targetId=self.target)
