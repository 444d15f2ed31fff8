"""The instances of `registry-instances.jsonl`, each with its dataset row."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Instance:
    """One instance: how its tree is made (`entry`) and what it asks for (`row`)."""

    entry: dict[str, Any]
    row: dict[str, Any]

    @property
    def id(self) -> str:
        """Returns the id as the dataset spells it."""
        return self.entry["instance_id"]

    @property
    def image(self) -> str:
        """Returns the name of the image by the local scheme."""
        return f"sweb.eval.x86_64.{self.id.lower()}:latest"

    @property
    def dataset(self) -> str:
        """Returns the dataset file that the instance goes to: `swe-gym` or `swe-bench`."""
        return "swe-gym" if self.entry["dataset"] == "swe-gym" else "swe-bench"

    def tests(self, field: str) -> list[str]:
        """Returns FAIL_TO_PASS or PASS_TO_PASS without what does not pass on such a tree."""
        value = self.row[field]
        names = json.loads(value) if isinstance(value, str) else value
        dropped = set(self.entry.get("p2p_not_reproduced", [])) if field == "PASS_TO_PASS" else set()
        return [name for name in names if name not in dropped]


@cache
def _rows(file: Path) -> dict[str, dict[str, Any]]:
    """Returns the rows of a JSONL file, plain or zstd, by id."""
    if file.suffix == ".zst":
        text = subprocess.run(["zstd", "-dcq", str(file)], capture_output=True, check=True).stdout.decode()
    else:
        text = file.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    return {row["instance_id"]: row for row in rows}


def load(data: Path, only: list[str]) -> list[Instance]:
    """Returns the instances, all or those named, in the order of the file."""
    entries = _rows(data / "registry-instances.jsonl")
    unknown = sorted(set(only) - set(entries))
    if unknown:
        raise SystemExit(f"no such instance: {', '.join(unknown)}")
    chosen = [entry for name, entry in entries.items() if not only or name in only]
    return [Instance(entry, _rows(data / entry["row"])[entry["instance_id"]]) for entry in chosen]
