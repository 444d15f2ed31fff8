#!/usr/bin/env python3
"""Makes images of registry instances with `spotter images build`, and measures what the second of a version costs.

See README.md in this folder. The images carry a tag of their own, so that others of the same instances stay.
"""

from __future__ import annotations

import argparse
import json
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
    parser.add_argument("--packages", default="[]", help="images.packages")
    parser.add_argument("--tag", default="spotter-test", help="images.tag")
    parser.add_argument("--network", default="bridge", help="images.network")
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


def build(args: argparse.Namespace, settings: list[str], ids: list[str], *, force: bool) -> list[dict[str, Any]]:
    """Runs `images build` and returns what it says of each image."""
    layers = [*settings, f"images.base={args.base}", f"images.python={args.python}", f"images.tag={args.tag}"]
    layers += [f"images.packages={args.packages}", f"images.network={args.network}", f"runs={args.out}/runs"]
    command = [args.spotter, "images", "build", *ids, "--dataset", str(args.out / "asked.jsonl")]
    command += ["--workers", "1", "--rows", str(args.out / "rows.jsonl")] + (["--force"] if force else [])
    command += [part for layer in layers for part in ("-c", layer)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    made = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0:
        raise SystemExit(f"`images build` ended with {done.returncode}")
    return made


def main() -> int:
    """Builds version by version and prints the ratios; 1 when one is too large."""
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
    bad = 0
    for (repo, number), ids in versions.items():
        costs: list[tuple[float, int]] = []
        for position, name in enumerate(ids):
            started = time.monotonic()
            # The first of a version pays for base and environment, whatever is there already.
            made = build(args, settings, [name], force=position == 0)
            seconds = time.monotonic() - started
            if {one["state"] for one in made if one["kind"] != "instance"} != {"built" if position == 0 else "current"}:
                raise SystemExit(f"{name}: base and environment are not as they should be: {made}")
            new = sum(one["own_bytes"] for one in made if one["state"] == "built")
            bottom = made[0]["shared_bytes"] if position == 0 else 0
            costs.append((seconds, new + bottom))
            print(f"{repo} {number} {name}: {seconds:.1f} s, {(new + bottom) / 1e6:.1f} MB", flush=True)
        for seconds, size in costs[1:2]:
            ratios = seconds / costs[0][0], size / costs[0][1]
            print(f"{repo} {number}: second to first: {ratios[0]:.1%} of the time, {ratios[1]:.1%} of the disk")
            bad += ratios[0] > TIME or ratios[1] > DISK
    started = time.monotonic()
    made = build(args, settings, [], force=False)
    current = all(one["state"] == "current" for one in made)
    print(f"again: {time.monotonic() - started:.1f} s, {'all up to date' if current else 'NOT up to date'}")
    print(f"rows: {args.out / 'rows.jsonl'}")
    return 1 if bad or not current else 0


if __name__ == "__main__":
    sys.exit(main())
