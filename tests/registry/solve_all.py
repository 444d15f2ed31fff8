"""Solves the registry instances with Spotter and checks every verdict against the measured one.

For each instance whose image is there: a scripted episode must end resolved with the counts of the instance list; an
empty patch, a patch to an unrelated file and the gold patch reversed must not.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from cases import Case, Setup, argument_parser, call, check_solved, find_cases


def main() -> int:
    """Runs all cases and prints one line each; returns 1 when one is wrong."""
    parser = argument_parser(__doc__)
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


if __name__ == "__main__":
    sys.exit(main())
