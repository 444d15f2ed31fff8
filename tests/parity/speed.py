#!/usr/bin/env python3
"""How fast and in how little memory logs are graded, beside the official parsers in the same run.

    speed.py [<data folder>]        default: the folder that SPOTTER_DATA names

Makes an environment with swebench 4.1.0 in a temporary folder (or takes the interpreter that OFFICIAL_PYTHON names),
reads all logs of the data folder with its parsers in one process, and then with ours, and prints both times. Then
grades two logs of 2 GB, one of repeated lines and one of distinct tests, and prints how much memory that took. The
logs that are made are removed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

OFFICIAL = """
import json, sys, time
from swebench.harness.log_parsers import MAP_REPO_TO_PARSER
tasks = [json.loads(line) for line in open(sys.argv[1])]
start, cpu = time.perf_counter(), time.process_time()
for task in tasks:
    with open(task["log"], errors="replace") as file:
        content = file.read()
    content = content.split(">>>>> Applied Patch (pred)")[-1]
    MAP_REPO_TO_PARSER[task["repo"]](content, None)
print(json.dumps([time.perf_counter() - start, time.process_time() - cpu]))
"""


def official_python(folder):
    """Returns an interpreter that has the official package."""
    if given := os.environ.get("OFFICIAL_PYTHON"):
        return given
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "swebench==4.1.0"], check=True)
    return python


def ours():
    """Returns our program, built for release."""
    command = ["cargo", "build", "-q", "--release", "-p", "grading", "--example", "grade_logs"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / "grade_logs"


def peak_memory(pid, found):
    """Notes the peak memory of a process in MiB while it runs. What a wait returns holds the peak of Python too."""
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        if peak := re.search(r"VmHWM:\s+(\d+) kB", status):
            found.append(int(peak[1]) / 1024)
        time.sleep(0.02)


def measured(command):
    """Runs a command and returns its output, its seconds by the clock and of CPU, and its peak memory in MiB."""
    start, peaks = time.perf_counter(), [0]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    threading.Thread(target=peak_memory, args=(process.pid, peaks), daemon=True).start()
    output = process.stdout.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"`{command[0]}` failed")
    seconds = [time.perf_counter() - start, usage.ru_utime + usage.ru_stime]
    return output, seconds, peaks[-1]


def write_tasks(path, tasks):
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks))
    return path


def compare(folder, data, program):
    """Reads all real logs with both."""
    unpack = f"zstd -dc '{data / 'logs' / 'logs.tar.zst'}' | tar -x -C '{folder}'"
    subprocess.run(unpack, shell=True, check=True)
    rows = [json.loads(line) for line in open(data / "logs" / "manifest.jsonl")]
    tasks = [{"log": str(folder / row["log"]), "repo": row["repo"], "dialect": "swe-gym"} for row in rows]
    python = official_python(folder)
    known = "import json; from swebench.harness.log_parsers import MAP_REPO_TO_PARSER as m; print(json.dumps(list(m)))"
    known = json.loads(subprocess.run([python, "-c", known], check=True, capture_output=True, text=True).stdout)
    path = write_tasks(folder / "tasks.jsonl", [task for task in tasks if task["repo"] in known])
    size = sum(os.path.getsize(task["log"]) for task in tasks) / 1e6
    print(f"{len(tasks)} logs, {size:.0f} MB")
    runs = {"official": [], 1: [], 2: []}
    for _ in range(3):
        runs["official"].append(json.loads(measured([python, "-c", OFFICIAL, path])[0]))
        for threads in (1, 2):
            runs[threads].append(measured([program, path, str(threads)])[1])
    best = {kind: [min(seconds) for seconds in zip(*times)] for kind, times in runs.items()}
    print("official parsers, without starting Python: {:.2f} s ({:.2f} s of CPU)".format(*best["official"]))
    for threads in (1, 2):
        ratio = best["official"][0] / best[threads][0]
        seconds = "{:.3f} s ({:.3f} s of CPU)".format(*best[threads])
        print(f"ours on {threads} thread(s), with starting: {seconds}, {ratio:.0f} times as fast by the clock")


def make_log(path, line, gigabytes):
    """Writes a log whose lines hold the number of each, where `line` has a place for it."""
    with open(path, "w") as file:
        file.write("Applied patch tests/test_a.py cleanly.\n>>>>> Start Test Output\n")
        number, size = 0, 0
        while size < gigabytes * 1e9:
            block = "".join(line.format(number + offset) for offset in range(100_000))
            file.write(block)
            number, size = number + 100_000, size + len(block)
        file.write(">>>>> End Test Output\n>>>>> Test Exit Code: 1\n")


def memory(folder, program):
    """Grades logs of 2 GB."""
    lines = {
        "repeated lines": "PASSED tests/test_a.py::test_b[some parameters]\n",
        "distinct tests": "PASSED tests/test_a.py::test_number_{0:09}[some-parameters]\n",
        "distinct failing tests": "FAILED tests/test_a.py::test_number_{0:09} - AssertionError\n",
    }
    for kind, line in lines.items():
        log = folder / "large.log"
        make_log(log, line, 2)
        for dialect in ("swe-gym", "swe-bench-5"):
            wanted = ["tests/test_a.py::test_b[some", "tests/test_a.py::test_number_000000007[some-parameters]"]
            task = {"log": str(log), "repo": "pytest-dev/pytest", "dialect": dialect, "FAIL_TO_PASS": wanted}
            _, seconds, peak = measured([program, write_tasks(folder / "large.jsonl", [task])])
            print(f"2 GB of {kind}, {dialect}: {seconds[0]:.1f} s, peak memory {peak:.1f} MiB")
        log.unlink()


def main():
    data = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SPOTTER_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "logs" / "logs.tar.zst").is_file():
        sys.exit(f"no logs in `{data}`\nhint: name the data folder, or set SPOTTER_DATA")
    program = ours()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), data, program)
        memory(Path(folder), program)


main()
