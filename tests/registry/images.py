#!/usr/bin/env python3
"""Makes images of registry instances with `spotter images build`, measures what they cost, and validates on them.

The second instance of a version must cost little beside the first, a second build must find all up to date, and
validation must find the rows' lists. Each version has a tag, and so a base, of its own: its first instance pays for
all, and other images of the same instances stay. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

import instances
from instances import Instance

DEFAULT = "django__django-16485 django__django-16527 django__django-16667 django__django-16901 " \
    "pallets__flask-4992 pallets__flask-5014"
DISK, TIME = 0.10, 0.25


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared/data", help="folder of the real data")
    parser.add_argument("--out", type=Path, default=root / ".runs/registry-images", help="folder for files")
    parser.add_argument("--spotter", default=str(root / "target/debug/spotter"), help="the program")
    parser.add_argument("--base", default="spotter/registry-base:latest", help="the image to build on")
    parser.add_argument("--python", default="system", help="images.python")
    parser.add_argument("--packages", help="images.packages; default: the program's own, as for a bare base")
    parser.add_argument("--tag", default="spotter-test", help="what images.tag begins with")
    parser.add_argument("--network", default="bridge", help="images.network")
    parser.add_argument("--keep", action="store_true", help="measure nothing: build what is not up to date")
    parser.add_argument("ids", nargs="*", default=DEFAULT.split(), help="instances of one dataset family")
    return parser.parse_args()


def version(instance: Instance) -> tuple[str, str]:
    """Returns what instances with the same environment have in common."""
    return instance.entry["repo"], str(instance.row["version"])


def spec(instance: Instance) -> dict[str, Any]:
    """Returns the spec of the instance's version with the pins of the registry."""
    entry = instance.entry
    words = entry["test_cmd"].split()
    # The names of the tests are appended by the program.
    head = [word for word in words if word.startswith("-") or "=" in word or word in ("python", "pytest", "2", "1")]
    if entry["repo"] == "django/django":
        head.insert(1, "./tests/runtests.py")
    return {
        "versions": [str(instance.row["version"])],
        "python": entry["python"],
        "pip_packages": [*entry["pip_flags"].split(), *entry["pip"]],
        "install": " && ".join(entry["install"]),
        "test_cmd": " ".join(head),
    }


def tag(args: argparse.Namespace, of: tuple[str, str]) -> str:
    """Returns the tag of a version's images."""
    return re.sub(r"[^a-z0-9.]+", "-", f"{args.tag}-{of[0]}-{of[1]}".lower())


def write_inputs(chosen: list[Instance], out: Path) -> list[str]:
    """Writes rows, sources and specs; returns the settings that name them."""
    out.mkdir(parents=True, exist_ok=True)
    sources = {
        instance.id: {
            "sdist": instance.entry["sdist"],
            "sha256": instance.entry["sha256"],
            "reverse": instance.entry["tree"] == "reverse",
        }
        for instance in chosen
    }
    (out / "sources.yaml").write_text(json.dumps(sources, indent=2), encoding="utf-8")
    repos: dict[str, dict[str, Any]] = {}
    for instance in chosen:
        repo = repos.setdefault(instance.entry["repo"], {"repo": instance.entry["repo"], "specs": {}})
        repo["specs"][version(instance)] = spec(instance)
    files = []
    for name, repo in repos.items():
        file = out / f"{name.replace('/', '__')}.yaml"
        file.write_text(json.dumps({**repo, "specs": list(repo["specs"].values())}, indent=2), encoding="utf-8")
        files.append(str(file))
    with (out / "asked.jsonl").open("w", encoding="utf-8") as stream:
        for instance in chosen:
            # A row's own script is for its own commit, which a source package does not have.
            row = {key: value for key, value in instance.row.items() if key not in ("eval_script", "image")}
            row["PASS_TO_PASS"] = instance.tests("PASS_TO_PASS")
            stream.write(json.dumps(row) + "\n")
    return [f"images.sources={out / 'sources.yaml'}", f"images.specs=[{','.join(files)}]"]


def prune(args: argparse.Namespace, version_tag: str) -> None:
    """Removes what an earlier run made."""
    command = [args.spotter, "images", "prune", "--tag", version_tag]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise SystemExit(f"the images with the tag {version_tag} cannot be removed")


def build(args: argparse.Namespace, settings: list[str], version_tag: str, ids: list[str]) -> list[dict[str, Any]]:
    """Runs `images build` and returns what it says of each image."""
    layers = [*settings, f"images.base={args.base}", f"images.python={args.python}", f"images.tag={version_tag}"]
    layers += [f"images.packages={args.packages}"] if args.packages else []
    layers += [f"images.network={args.network}", f"runs={args.out}/runs"]
    command = [args.spotter, "images", "build", *ids, "--dataset", str(args.out / "asked.jsonl")]
    command += ["--workers", "1", "--rows", str(args.out / f"rows-{version_tag}.jsonl")]
    command += [part for layer in layers for part in ("-c", layer)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    made = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0:
        raise SystemExit(f"`images build` ended with {done.returncode}")
    return made


def measure(args: argparse.Namespace, settings: list[str], of: tuple[str, str], ids: list[str]) -> list[str]:
    """Builds the instances of a version one after the other; returns what is wrong."""
    costs: list[tuple[float, int]] = []
    for position, name in enumerate(ids):
        started = time.monotonic()
        made = build(args, settings, tag(args, of), [name])
        seconds = time.monotonic() - started
        below = {one["state"] for one in made if one["kind"] != "instance"}
        if not args.keep and below != {"built" if position == 0 else "current"}:
            return [f"{name}: base and environment are {below}"]
        size = sum(one["own_bytes"] for one in made if one["state"] == "built")
        size += made[0]["shared_bytes"] if position == 0 else 0
        costs.append((seconds, size))
        print(f"{' '.join(of)} {name}: {seconds:.1f} s, {size / 1e6:.1f} MB", flush=True)
    started = time.monotonic()
    made = build(args, settings, tag(args, of), ids)
    wrong = [f"{one['image']} is built again" for one in made if one["state"] != "current"]
    print(f"{' '.join(of)} again: {time.monotonic() - started:.1f} s", flush=True)
    for name, (seconds, size) in list(zip(ids, costs))[1:]:
        ratios = seconds / costs[0][0], size / costs[0][1]
        print(f"{name} to the first: {ratios[0]:.1%} of the time, {ratios[1]:.1%} of the disk", flush=True)
        if not args.keep and (ratios[0] > TIME or ratios[1] > DISK):
            wrong.append(f"{name}: may cost {TIME:.0%} of the time and {DISK:.0%} of the disk")
    return wrong


def validate(args: argparse.Namespace, rows: list[dict[str, Any]]) -> list[str]:
    """Validates the rows on their images; returns what is wrong."""
    file = args.out / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    started = time.monotonic()
    command = [args.spotter, "validate", "--dataset", str(file), "--check", "--workers", "2"]
    command += ["--run", f"images-{int(time.time())}", "-c", f"runs={args.out}/runs"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = {one["instance_id"]: one for one in map(json.loads, done.stdout.splitlines())}
    wrong = [] if done.returncode == 0 else [f"`validate --check` ended with {done.returncode}"]
    for row in rows:
        one = found.get(row["instance_id"])
        differences = one and one["differences"]
        if not one or not one["FAIL_TO_PASS"] or any(differences["FAIL_TO_PASS"].values()):
            wrong.append(f"{row['instance_id']}: FAIL_TO_PASS is not found as in its row: {one}")
    print(f"validate: {len(rows)} instances, {time.monotonic() - started:.1f} s, exit code {done.returncode}")
    return wrong


def main() -> int:
    """Builds version by version, and validates; 1 when anything is not as it should be."""
    args = arguments()
    if not (args.data / "registry-instances.jsonl").is_file():
        print(f"skipped: no registry instances in {args.data}")
        return 0
    args.out = args.out.resolve()
    chosen = instances.load(args.data, args.ids)
    settings = write_inputs(chosen, args.out)
    versions: dict[tuple[str, str], list[str]] = {}
    for instance in chosen:
        versions.setdefault(version(instance), []).append(instance.id)
    wrong, rows = [], []
    for of, ids in versions.items():
        if not args.keep:
            prune(args, tag(args, of))
        wrong += measure(args, settings, of, ids)
        lines = (args.out / f"rows-{tag(args, of)}.jsonl").read_text(encoding="utf-8").splitlines()
        rows += map(json.loads, lines)
    if len(rows) != len(chosen):
        wrong.append(f"{len(rows)} rows for {len(chosen)} instances")
    wrong += validate(args, rows)
    for problem in wrong:
        print("WRONG", problem)
    print(f"{len(chosen)} instances: {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
