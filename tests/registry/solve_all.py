"""Solves the registry instances with Spotter and checks every verdict against the measured one.

For each instance whose image is there: a scripted episode must end resolved with the counts of the instance list; an
empty patch, a patch to an unrelated file and the gold patch reversed must not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

DATASETS = ("swe-bench", "swe-gym")


@dataclass(frozen=True)
class Case:
    """One instance of one derived dataset."""

    instance_id: str
    dataset: str
    entry: dict


@dataclass(frozen=True)
class Setup:
    """Where things are."""

    binary: Path
    out: Path
    run: str


def main() -> int:
    """Runs all cases and prints one line each; returns 1 when one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(".runs/registry"))
    parser.add_argument("--binary", type=Path, default=Path("target/debug/spotter"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    setup = Setup(args.binary, args.out, f"registry-{int(time.time())}")
    cases = find_cases(args.out, args.data, args.only)
    if not cases:
        print("0 passed, 1 failed: no instance has an image; run build_images.py first")
        return 1
    with ThreadPoolExecutor(args.jobs) as pool:
        wrong = [problem for problems in pool.map(lambda case: check_case(setup, case), cases) for problem in problems]
    for problem in wrong:
        print("WRONG", problem)
    print(f"{len(cases) * 4 - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def find_cases(out: Path, data: Path, only: list[str]) -> list[Case]:
    """Returns the instances of the derived datasets whose image is on the engine."""
    entries = {}
    for line in (data / "registry-instances.jsonl").read_text().splitlines():
        entry = json.loads(line)
        entries[entry["instance_id"]] = entry
    cases = []
    for dataset in DATASETS:
        path = out / f"{dataset}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            wanted = not only or row["instance_id"] in only
            if wanted and has_image(row["image"]):
                cases.append(Case(row["instance_id"], dataset, entries[row["instance_id"]]))
    return cases


def has_image(name: str) -> bool:
    """Returns whether the engine has an image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def check_case(setup: Setup, case: Case) -> list[str]:
    """Runs the four patches of an instance and returns what is wrong."""
    begin = time.monotonic()
    problems = []
    report = solve(setup, case)
    seconds = time.monotonic() - begin
    problems += check_solved(case, report)
    for kind in ("empty", "unrelated", "reversed"):
        report = evaluate(setup, case, kind)
        if report is None or report["resolved"]:
            problems.append(f"{case.instance_id}: {kind}: expected resolved: false, got {report}")
    state = "ok" if not problems else "WRONG"
    total = time.monotonic() - begin
    print(f"{state:<6} {case.instance_id:<40} solved in {seconds:5.1f}s, all four in {total:5.1f}s", flush=True)
    return problems


def check_solved(case: Case, report: dict | None) -> list[str]:
    """Returns what is wrong with the verdict on the scripted episode."""
    if report is None or not report["resolved"]:
        return [f"{case.instance_id}: solve: expected resolved: true, got {report}"]
    problems = []
    for name, key in (("FAIL_TO_PASS", "f2p_after"), ("PASS_TO_PASS", "p2p_after")):
        group = report["tests_status"][name]
        passed = len(group["success"])
        found = f"{passed}/{passed + len(group['failure'])}"
        if found != case.entry[key]:
            problems.append(f"{case.instance_id}: {name}: expected {case.entry[key]}, got {found}")
    return problems


def solve(setup: Setup, case: Case) -> dict | None:
    """Solves an instance with its script and returns the report."""
    script = setup.out / "scripts" / f"{case.instance_id}.yaml"
    return call(
        setup,
        case,
        "solve",
        ["solve", case.instance_id, "-c", "model.provider=script", "-c", f"model.path={script}"],
    )


def evaluate(setup: Setup, case: Case, kind: str) -> dict | None:
    """Judges one of the prepared predictions and returns the report."""
    predictions = setup.out / "predictions" / f"{kind}.jsonl"
    return call(setup, case, kind, ["evaluate", "--predictions", str(predictions), case.instance_id])


def call(setup: Setup, case: Case, kind: str, arguments: list[str]) -> dict | None:
    """Runs the program and returns the report it prints; its other words go to a log."""
    # One run holds one configuration, so each dataset has its own.
    run = f"{setup.run}-{case.dataset}-{kind}"
    layers = ["-c", str(setup.out / f"{case.dataset}.yaml"), "--run", run]
    done = subprocess.run([str(setup.binary), *arguments, *layers], capture_output=True, text=True)
    log = setup.out / "solve" / f"{case.instance_id}.{kind}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    if done.returncode != 0:
        return None
    return json.loads(done.stdout)[case.instance_id]


if __name__ == "__main__":
    sys.exit(main())
