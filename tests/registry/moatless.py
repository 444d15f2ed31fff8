"""Solves the registry instances with the Moatless agent and a model that knows the solution, and checks every verdict.

Each instance whose image is there is solved in both flows and both call styles; `--demo` does so with the instances
that ship with the project, for which no image is needed. The model is a server on loopback, so that everything is real
that an answer goes through: from the first search to the counts of the verdict, and the lines of the patch.
"""

from __future__ import annotations

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import gold
from cases import Case, Setup, argument_parser, call, check_solved, find_cases, run_name
from oracle import Oracle

FLOWS = ("states", "actions")
STYLES = ("native", "json")
VISITS = 8
"""Changes that an episode may plan by default, the end of the work included."""


@dataclass(frozen=True)
class Figures:
    """What an episode took."""

    queries: int
    transitions: int
    seconds: float


@dataclass(frozen=True)
class Solved:
    """One run: what it took, and what is wrong with it."""

    figures: Figures
    problems: list[str]


def main() -> int:
    """Runs all combinations and prints one line each; returns 1 when one is wrong."""
    parser = argument_parser(__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--demo", action="store_true", help="the instances that ship with the project")
    parser.add_argument("--flow", choices=FLOWS, nargs="*", default=FLOWS)
    parser.add_argument("--style", choices=STYLES, nargs="*", default=STYLES)
    parser.add_argument("-c", dest="layers", action="append", default=[], help="a layer of configuration for every run")
    args = parser.parse_args()
    setup = Setup(args.binary, args.out, f"moatless-{int(time.time())}")
    cases = demo_cases(args.only) if args.demo else find_cases(args.out, args.data, args.only)
    if not cases:
        print("0 passed, 1 failed: no instance has an image; run build_images.py first")
        return 1
    runs = list(product(cases, args.flow, args.style))
    patches = {case.instance_id: case.row["patch"] for case in cases}
    with Oracle(patches) as oracle, ThreadPoolExecutor(args.jobs) as pool:
        solved = list(pool.map(lambda run: check_case(setup, oracle, args.layers, *run), runs))
    for problem in (problem for one in solved for problem in one.problems):
        print("WRONG", problem)
    figures = [one.figures for one in solved]
    queries, transitions = sum(one.queries for one in figures), sum(one.transitions for one in figures)
    print(f"{queries} queries, {transitions} transitions, {sum(one.seconds for one in figures):.0f}s in all")
    failed = sum(bool(one.problems) for one in solved)
    print(f"{len(runs) - failed} passed, {failed} failed")
    return 1 if failed else 0


def demo_cases(only: list[str]) -> list[Case]:
    """Returns the instances that ship with the project."""
    cases = []
    for folder in sorted(Path("envs/demo/instances").iterdir()):
        row = json.loads((folder / "instance.json").read_text())
        row["patch"] = (folder / "gold.patch").read_text()
        fails, passes = len(row["FAIL_TO_PASS"]), len(row["PASS_TO_PASS"])
        entry = {"f2p_after": f"{fails}/{fails}", "p2p_after": f"{passes}/{passes}"}
        if not only or row["instance_id"] in only:
            cases.append(Case(row["instance_id"], "demo", entry, row))
    return cases


def check_case(setup: Setup, oracle: Oracle, layers: list[str], case: Case, flow: str, style: str) -> Solved:
    """Solves an instance in one flow and one style, and returns what is wrong."""
    # Each instance has a model of its own, and with it a configuration and a run.
    setup = replace(setup, run=f"{setup.run}-{case.instance_id}")
    kind = f"{flow}-{style}"
    settings = [
        "model.name=oracle",
        f"model.base_url={oracle.base_url(case.instance_id)}",
        f"model.tool_calls={style}",
        f"moatless.flow={flow}",
        "moatless.create_files=true",
        *limits(case),
        *layers,
    ]
    begin = time.monotonic()
    arguments = ["solve", case.instance_id, "--agent", "moatless"]
    report = call(setup, case, kind, arguments + [part for setting in settings for part in ("-c", setting)])
    seconds = time.monotonic() - begin
    found = check_solved(case, report) or check_patch(setup, case, kind)
    problems = [f"{flow} {style}: {problem}" for problem in found]
    figures = read_figures(setup, case, kind, seconds)
    state = "ok" if not problems else "WRONG"
    took = f"{figures.queries:3} queries {figures.transitions:3} transitions {figures.seconds:6.1f}s"
    print(f"{state:<6} {case.instance_id:<36} {flow:<8} {style:<7} {took}", flush=True)
    return Solved(figures, problems)


def limits(case: Case) -> list[str]:
    """Returns the limits of an episode that changes more places than the defaults let it; else none."""
    hunks = len(gold.parse(case.row["patch"]).hunks)
    return [] if hunks < VISITS else [f"moatless.max_visits={2 * hunks}", f"moatless.max_transitions={6 * hunks}"]


def check_patch(setup: Setup, case: Case, kind: str) -> list[str]:
    """Returns in which lines a patch is not what the model meant; tests do not see each of them."""
    wanted = gold.parse(case.row["patch"]).lines()
    found = gold.parse(kept(setup, case, kind, "patch.diff")).lines()
    kinds = (("without", wanted - found), ("with", found - wanted))
    return [f"{case.instance_id}: a patch {word} {line} of {path}" for word, lines in kinds for path, line in lines]


def read_figures(setup: Setup, case: Case, kind: str, seconds: float) -> Figures:
    """Counts what a trajectory tells of an episode: the answers of the model, and the changes of state."""
    queries = transitions = 0
    for line in kept(setup, case, kind, "trajectory.jsonl").splitlines():
        event = json.loads(line)
        queries += event["type"] == "completion"
        shown = event.get("observation", {}).get("text", "")
        transitions += re.fullmatch(r"\w+ -> \w+", shown) is not None
    return Figures(queries, transitions, seconds)


def kept(setup: Setup, case: Case, kind: str, name: str) -> str:
    """Returns a file that a run keeps of an instance; empty where there is none."""
    files = Path(".runs").glob(f"{run_name(setup, case, kind)}/*/{case.instance_id}/{name}")
    return "".join(file.read_text() for file in files)


if __name__ == "__main__":
    sys.exit(main())
