#!/usr/bin/env python3
"""Builds the images of the registry instances on a bare machine with Docker, and what tests need beside them.

See README.md in this folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

import base_image
import instance_image
import instances
import outputs
from engine import BuildError, require_engine, size
from host import Passage
from instance_image import Built
from instances import Instance


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=root.parent / "shared/data", help="folder of the real data")
    parser.add_argument("--out", type=Path, default=root / ".runs/registry", help="folder for logs and files")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="build these instances only")
    parser.add_argument("--jobs", type=int, default=2, help="builds at a time")
    parser.add_argument("--mirror", help="Debian mirror for debootstrap; default: the host's own")
    return parser.parse_args()


def build_all(chosen: list[Instance], args: argparse.Namespace) -> tuple[list[Built], list[str]]:
    """Builds every image; returns the finished ones and the failures' messages."""
    started = time.monotonic()
    require_engine()
    base = base_image.build(args.out, args.mirror)
    print(f"{base} {size(base) / 1e6:.0f} MB, {time.monotonic() - started:.0f} s", flush=True)
    passage = Passage(args.out / "share")
    environments = {instance_image.environment_name(instance): instance for instance in chosen}
    failures: list[str] = []

    def environment(instance: Instance) -> None:
        try:
            instance_image.build_environment(instance, base, passage, args.out)
        except BuildError as err:
            failures.append(f"{instance.id}: {err}")

    def image(instance: Instance) -> Built | None:
        try:
            built = instance_image.build(instance, passage, args.out)
        except BuildError as err:
            failures.append(f"{instance.id}: {err}")
            return None
        print(
            f"{instance.id} {built.commit[:12]} {built.seconds:.1f} s, "
            f"{built.megabytes:.0f} MB of its own over {built.shared_megabytes:.0f} MB",
            flush=True,
        )
        return built

    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(environment, environments.values()))
        finished = [built for built in pool.map(image, chosen) if built]
    return finished, failures


def main() -> int:
    """Builds, writes the files and reports; 1 when anything failed."""
    args = arguments()
    if not (args.data / "registry-instances.jsonl").is_file():
        print(f"skipped: no registry instances in {args.data}")
        return 0
    started = time.monotonic()
    try:
        finished, failures = build_all(instances.load(args.data, args.only), args)
        # Files always cover every image that is there, whatever `--only` names.
        root = Path(__file__).resolve().parents[2]
        failures += outputs.write(instances.load(args.data, []), args.out, root)
    except BuildError as err:
        finished, failures = [], [str(err)]
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    print(f"{len(finished)} images, {len(failures)} failed, {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
