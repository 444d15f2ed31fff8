"""Follows a running sweep without a reload, also when its process is killed and begun again, and when the server is.

Takes the program, a folder in which `big.yaml` is, and how many episodes the sweep has."""

import signal
import subprocess
import sys
import time

from chromium import Chromium

program, folder, episodes = sys.argv[1], sys.argv[2], int(sys.argv[3])


def begin(*arguments):
    return subprocess.Popen([program, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def served(port):
    server = begin("view", "big", "--live", "--port", str(port))
    line = server.stderr.readline()
    assert "http://" in line, line + server.stderr.read()
    return server, line.split()[1]


def done(page):
    return page.js("[...document.querySelectorAll('.figures tbody td')].map((td) => /^(\\d+)\\/(\\d+)$/.exec(td.innerText)).filter(Boolean).map((found) => Number(found[1]))[0] ?? 0")


def until(page, count, wait):
    page.until(f"([...document.querySelectorAll('.figures tbody td')].map((td) => /^(\\d+)\\/(\\d+)$/.exec(td.innerText)).filter(Boolean).map((found) => Number(found[1]))[0] ?? 0) >= {count}", wait)


started, browser = [], Chromium()
try:
    started.append(begin("sweep", "big.yaml"))
    time.sleep(3)
    server, address = served(0)
    started.append(server)
    page = browser.page(address)
    page.js("window.same = true")
    until(page, 5, 120)
    before = done(page)
    started[0].send_signal(signal.SIGKILL)
    started[0].wait()
    at = done(page)
    print(f"followed to {at} of {episodes}, and the sweep is killed")
    time.sleep(2)
    started.append(begin("sweep", "big.yaml"))
    until(page, at + 10, 240)
    # The server goes, and comes back at the same place.
    server.terminate()
    server.wait()
    page.until("document.getElementById('live').classList.contains('lost')", 30)
    started.append(served(int(address.rstrip("/").rsplit(":", 1)[1]))[0])
    page.until("!document.getElementById('live').classList.contains('lost')", 30)
    # An episode is open meanwhile.
    page.js("location.hash = document.querySelector('.list .row a').getAttribute('href')")
    page.until("!!document.querySelector('.episode .card')")
    page.js("location.hash = '#/'")
    until(page, episodes, 600)
    assert page.js("window.same") is True, "the page was loaded again"
    assert before < episodes
    found = page.js("fetch('search?q=unittest').then((answer) => answer.json()).then((hits) => hits.length)")
    assert found >= episodes, found
    faults = [fault for fault in page.faults() if "ERR_CONNECTION_REFUSED" not in fault]
    assert not faults, faults
    print(f"all {episodes} are there, and the page was never loaded again")
finally:
    browser.close()
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
