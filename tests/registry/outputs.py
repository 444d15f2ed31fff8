"""Writes the files that tests need beside the images: rows, scripts, predictions, config layers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import episode
import rows
import tree
from engine import labels
from instance_image import recipe
from instances import Instance
from tree import Tree

DATASETS = ("swe-bench", "swe-gym")
# The images built here; their tests need no network.
LOCAL = {"scheme": "local", "platform": "native"}
PREDICTIONS = ("gold", "empty", "unrelated", "reversed")
UNRELATED = """\
diff --git a/NOTES_unrelated.md b/NOTES_unrelated.md
new file mode 100644
--- /dev/null
+++ b/NOTES_unrelated.md
@@ -0,0 +1,3 @@
+# Notes
+
+This file has nothing to do with the issue.
"""


def write(instances: list[Instance], out: Path, root: Path) -> list[str]:
    """Writes the files for every instance whose image is up to date; returns the failures' messages."""
    ready: list[tuple[Instance, str, Tree]] = []
    scripts: dict[str, episode.Script] = {"empty": episode.idle()}
    failures = []
    for instance in instances:
        found = labels(instance.image)
        if found.get("spotter.recipe") != recipe(instance):
            continue
        files = tree.read(instance)
        ready.append((instance, found["spotter.base_commit"], files))
        try:
            scripts[instance.id] = episode.solving(instance, files)
        except ValueError as err:
            failures.append(f"{instance.id}: no script: {err}")
    for dataset in DATASETS:
        chosen = [item for item in ready if item[0].dataset == dataset]
        lines = [rows.derived(instance, commit, set(files.before)) for instance, commit, files in chosen]
        _write_jsonl(out / f"{dataset}.jsonl", lines)
        _write_yaml(out / f"{dataset}.yaml", {"env": {"dataset": _named(out, root, dataset), "image": LOCAL, "network": "none"}})
    for name, script in scripts.items():
        _write_yaml(out / "scripts" / f"{name}.yaml", script)
    for kind in PREDICTIONS:
        _write_jsonl(out / "predictions" / f"{kind}.jsonl", [_prediction(kind, *item[::2]) for item in ready])
    return failures


def _prediction(kind: str, instance: Instance, files: Tree) -> dict[str, str]:
    """Returns one line of a predictions file."""
    patch = {
        "gold": instance.row["patch"],
        "empty": "",
        "unrelated": UNRELATED,
        "reversed": files.reversed_patch,
    }[kind]
    return {"instance_id": instance.id, "model_name_or_path": kind, "model_patch": patch}


def _named(out: Path, root: Path, dataset: str) -> str:
    """Returns the dataset's path, from the repository's root where it is below it."""
    file = (out / f"{dataset}.jsonl").resolve()
    return str(file.relative_to(root) if file.is_relative_to(root) else file)


def _write_jsonl(file: Path, lines: list[dict[str, Any]]) -> None:
    """Writes one object a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8", newline="\n")


def _write_yaml(file: Path, value: Any) -> None:
    """Writes JSON that is YAML too: no surrogate pairs, and no raw control characters."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, indent=2)
    text = re.sub("[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", text)
    file.write_text(text + "\n", encoding="utf-8", newline="\n")
