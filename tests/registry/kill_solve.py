"""Kills `solve` at random instants and checks that nothing is lost or left behind.

After every kill each trajectory must read (a torn last line aside); at the end `clean` must leave no container, and the
same command must finish resolved.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

LABEL = "label=spotter.run"


def main() -> int:
    """Kills and reruns; returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".runs/registry"))
    parser.add_argument("--binary", type=Path, default=Path("target/debug/codeact"))
    parser.add_argument("--instance", default="pallets__flask-5014")
    parser.add_argument("--dataset", default="swe-bench")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    instants = random.Random(args.seed)
    command = solve_command(args, f"killed-{args.seed}")
    life = lifetime(solve_command(args, f"whole-{args.seed}"))
    print(f"seed {args.seed}, a whole run takes {life:.1f}s")
    wrong = []
    left = 0
    for number in range(args.kills):
        instant = instants.uniform(0, life * 0.95)
        kill_after(command, instant)
        wrong += [f"kill {number} after {instant:.2f}s: {problem}" for problem in unreadable(args.seed)]
        time.sleep(0.5)
        left += len(containers())
    done = subprocess.run([str(args.binary), "clean"], capture_output=True, text=True)
    print(f"containers still there half a second after a kill: {left}; clean: {done.stderr.strip()}")
    if done.returncode != 0 or containers():
        wrong.append(f"clean left {containers()}: {done.stderr}")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not json.loads(done.stdout)["resolved"]:
        wrong.append(f"the rerun did not finish resolved: {done.stdout}\n{done.stderr}")
    for problem in wrong:
        print("WRONG", problem)
    print(f"{args.kills + 2 - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def solve_command(args: argparse.Namespace, run: str) -> list[str]:
    """Returns the command that solves the instance with its script."""
    script = args.out / "scripts" / f"{args.instance}.yaml"
    layers = [str(args.out / f"{args.dataset}.yaml"), "model.provider=script", f"model.path={script}"]
    layered = [part for layer in layers for part in ("-c", layer)]
    return [str(args.binary), "solve", args.instance, "--run", run, *layered]


def lifetime(command: list[str]) -> float:
    """Returns how many seconds a whole run takes."""
    begin = time.monotonic()
    subprocess.run(command, capture_output=True, check=True)
    return time.monotonic() - begin


def kill_after(command: list[str], seconds: float) -> None:
    """Starts the command and kills it after a while, unless it ended before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def unreadable(seed: int) -> list[str]:
    """Returns what is wrong with the trajectories of the run."""
    problems = []
    for path in Path(".runs").glob(f"killed-{seed}/*/*/trajectory*.jsonl"):
        lines = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1]):
            try:
                json.loads(line)
            except ValueError as err:
                problems.append(f"{path} line {number + 1}: {err}")
    return problems


def containers(label: str = LABEL) -> list[str]:
    """Returns the ids of all containers that carry a label, which any run's do unless another is given."""
    listed = subprocess.run(["docker", "ps", "-aq", "--filter", label], capture_output=True, text=True, check=True)
    return listed.stdout.split()


if __name__ == "__main__":
    sys.exit(main())
