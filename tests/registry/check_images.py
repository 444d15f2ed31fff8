#!/usr/bin/env python3
"""Compares every registry image with the counts measured for its instance, without Spotter.

In a container without network: the test patch and the test command, then the
gold patch and the test command again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

import instances
import verdict
from engine import labels
from instances import Instance

BETWEEN = "=== spotter: gold patch applied ==="
DELIMITER = "EOF_114329324912"


def script(instance: Instance) -> str:
    """Returns what runs in the container."""

    def apply(patch: str) -> str:
        return f"git apply - <<'{DELIMITER}' || exit 99\n{patch.removesuffix(chr(10))}\n{DELIMITER}\n"

    row, test = instance.row, instance.entry["test_cmd"] + " < /dev/null\n"
    return (
        "source /opt/miniconda3/bin/activate\nconda activate testbed\ncd /testbed\n"
        + apply(row["test_patch"])
        + test
        + f"echo '{BETWEEN}'\n"
        + apply(row["patch"])
        + test
        + "exit 0\n"
    )


def check(instance: Instance, logs: Path) -> tuple[bool, str]:
    """Runs one instance; returns whether the counts are the measured ones, and a line."""
    if not labels(instance.image):
        return False, f"{instance.id}: no image {instance.image}"
    started = time.monotonic()
    done = subprocess.run(
        ["docker", "run", "--rm", "-i", "--network", "none", instance.image, "bash", "-s"],
        input=script(instance),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=1800,
    )
    seconds = time.monotonic() - started
    logs.mkdir(parents=True, exist_ok=True)
    (logs / f"{instance.id}.log").write_text(done.stdout, encoding="utf-8")
    if done.returncode != 0 or BETWEEN not in done.stdout:
        return False, f"{instance.id}: a patch did not apply, see the log ({done.returncode})"
    before, after = done.stdout.split(BETWEEN, 1)
    found, differs = [], False
    for when, log in (("before", before), ("after", after)):
        passing = verdict.passed(instance.entry["repo"], log)
        for short, field in (("f2p", "FAIL_TO_PASS"), ("p2p", "PASS_TO_PASS")):
            counted, measured = verdict.count(instance.tests(field), passing), instance.entry[f"{short}_{when}"]
            differs |= counted != measured
            found.append(f"{short} {when} {counted}" + ("" if counted == measured else f" (not {measured})"))
    return not differs, f"{instance.id}: {', '.join(found)}, {seconds:.1f} s" + (" DIFFERS" if differs else "")


def main() -> int:
    """Prints a line an instance and a total; 1 on a difference."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared/data", help="folder of the real data")
    parser.add_argument("--out", type=Path, default=root / ".runs/registry", help="folder for logs")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="check these instances only")
    parser.add_argument("--jobs", type=int, default=2, help="checks at a time")
    args = parser.parse_args()
    if not (args.data / "registry-instances.jsonl").is_file():
        print(f"skipped: no registry instances in {args.data}")
        return 0
    chosen = instances.load(args.data, args.only)
    same = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for equal, line in pool.map(lambda instance: check(instance, args.out / "check"), chosen):
            same += equal
            print(line, flush=True)
    print(f"{same} of {len(chosen)} as measured")
    return 0 if same == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
