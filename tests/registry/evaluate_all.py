"""Evaluates and validates the registry instances, and kills an evaluation at random instants.

The reference solutions must all resolve and empty patches none. A run that is killed again and again must end with the
reports of one that was not, and judge nothing again that had its verdict; `clean` must leave no container. Validation
must find each row's FAIL_TO_PASS.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from cases import DATASETS, argument_parser, find_cases
from kill_solve import LABEL, containers, kill_after

Stamps = dict[str, tuple[int, int]]


def main() -> int:
    """Runs all parts for each dataset; returns 1 when something is wrong."""
    parser = argument_parser(__doc__)
    parser.add_argument("--parts", nargs="*", default=["gold", "empty", "kill", "validate"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    cases = find_cases(args.out, args.data, args.only)
    if not cases:
        print("0 passed, 1 failed: no instance has an image; run build_images.py first")
        return 1
    wrong = []
    for dataset in DATASETS:
        ids = [case.instance_id for case in cases if case.dataset == dataset]
        if ids:
            wrong += Suite(args, dataset, ids).check()
    for problem in wrong:
        print("WRONG", problem)
    print(f"{len(cases)} instances, seed {args.seed}: {len(wrong)} problems")
    return 1 if wrong else 0


class Suite:
    """The parts for the instances of one dataset."""

    def __init__(self, args: argparse.Namespace, dataset: str, ids: list[str]) -> None:
        self.args, self.dataset, self.ids = args, dataset, ids
        self.stamp = f"{args.seed}-{dataset}"

    def check(self) -> list[str]:
        """Runs the parts and returns what is wrong."""
        wrong = []
        if {"gold", "kill"} & set(self.args.parts):
            begin = time.monotonic()
            wrong += self.check_evaluation("gold", len(self.ids))
            life = time.monotonic() - begin
            if "kill" in self.args.parts:
                wrong += self.check_kills(life)
        if "empty" in self.args.parts:
            wrong += self.check_evaluation("empty", 0)
        if "validate" in self.args.parts:
            wrong += self.check_validation()
        return wrong

    def command(self, name: str, run: str, *more: str) -> list[str]:
        """Returns a command on all instances."""
        layer = str(self.args.out / f"{self.dataset}.yaml")
        workers = str(self.args.workers)
        return [str(self.args.binary), name, *self.ids, "-c", layer, "--run", run, "--workers", workers, *more]

    def folder(self, run: str, cell: str = "evaluate") -> Path:
        """Returns the folder of a run."""
        return Path(".runs") / run / cell

    def check_evaluation(self, source: str, expected: int) -> list[str]:
        """Evaluates the reference solutions or empty patches and counts the resolved."""
        run = f"{source}-{self.stamp}"
        begin = time.monotonic()
        done = subprocess.run(self.command("evaluate", run, "-p", source), capture_output=True, text=True)
        report = json.loads((self.folder(run) / "report.json").read_text())
        resolved, submitted = report["resolved_instances"], report["submitted_instances"]
        print(f"{self.dataset} {source}: {resolved} of {submitted} resolved in {time.monotonic() - begin:.1f}s", flush=True)
        if (done.returncode, resolved, submitted) != (0, expected, len(self.ids)):
            return [f"{self.dataset} {source}: expected {expected} of {len(self.ids)} resolved\n{done.stderr}"]
        return []

    def check_kills(self, life: float) -> list[str]:
        """Kills an evaluation again and again, lets it end and compares it with the whole one."""
        run, whole = f"killed-{self.stamp}", f"gold-{self.stamp}"
        command = self.command("evaluate", run, "-p", "gold")
        instants = random.Random(self.args.seed)
        wrong, judged, counts = [], {}, []
        for number in range(self.args.kills):
            # Short enough that most kills come before the end, long enough that some verdicts are reached.
            kill_after(command, instants.uniform(0, life / 2))
            now = self.judged(run)
            wrong += [f"kill {number}: judged again: {id}" for id in judged if now.get(id) != judged[id]]
            judged = now
            counts.append(len(judged))
        done = subprocess.run(command, capture_output=True, text=True)
        now = self.judged(run)
        wrong += [f"at the end: judged again: {id}" for id in judged if now.get(id) != judged[id]]
        if done.returncode != 0:
            wrong.append(f"{run}: exit code {done.returncode}\n{done.stderr}")
        for path in sorted(self.folder(whole).rglob("report.json")) + [self.folder(whole) / "summary.json"]:
            other = self.folder(run) / path.relative_to(self.folder(whole))
            if not other.exists() or other.read_bytes() != path.read_bytes():
                wrong.append(f"{other} differs from {path}")
        left = [str(path) for path in self.folder(run).rglob("*.tmp")]
        subprocess.run([str(self.args.binary), "clean"], capture_output=True, check=True)
        # Other programs may have containers of their own at the same time.
        left += containers(f"{LABEL}={run}")
        if left:
            wrong.append(f"{run} left behind: {left}")
        print(f"{self.dataset}: verdicts after each of {self.args.kills} kills: {counts}, in the end {len(now)}", flush=True)
        return wrong

    def judged(self, run: str) -> Stamps:
        """Returns, by instance, what tells the file of a verdict from one that was written again."""
        found = {}
        for path in self.folder(run).glob("*/judged.json"):
            state = path.stat()
            found[path.parent.name] = (state.st_ino, state.st_mtime_ns)
        return found

    def check_validation(self) -> list[str]:
        """Validates and compares FAIL_TO_PASS with the rows."""
        run = f"validated-{self.stamp}"
        begin = time.monotonic()
        command = self.command("validate", run, "--repeat", str(self.args.repeat))
        done = subprocess.run(command, capture_output=True, text=True)
        print(f"{self.dataset} validate: {time.monotonic() - begin:.1f}s, exit code {done.returncode}")
        print(done.stderr.splitlines()[-2] if done.returncode == 0 else done.stderr, flush=True)
        wrong = [] if done.returncode == 0 else [f"{run}: exit code {done.returncode}"]
        lines = (self.folder(run, "validate") / "validation.jsonl").read_text().splitlines()
        if len(lines) != len(self.ids):
            wrong.append(f"{run}: {len(lines)} of {len(self.ids)} instances")
        for one in map(json.loads, lines):
            id, differences = one["instance_id"], one["differences"]
            for name, difference in differences.items():
                counts = {kind: len(tests) for kind, tests in difference.items() if tests}
                if counts:
                    print(f"  {id} {name}: {counts} {str(difference)[:200]}")
            if one["flaky"] or one["problems"]:
                print(f"  {id}: flaky {one['flaky']}, problems {one['problems']}")
            if any(differences["FAIL_TO_PASS"].values()):
                wrong.append(f"{id}: FAIL_TO_PASS is not as in the row: {differences['FAIL_TO_PASS']}")
        return wrong


if __name__ == "__main__":
    sys.exit(main())
