"""Dataset rows for the built images, in the form of the rows that they come from."""

from __future__ import annotations

import json
import shlex
from typing import Any

from instances import Instance
from tree import base_side

DELIMITER = "EOF_114329324912"


def derived(instance: Instance, commit: str, present: set[str]) -> dict[str, Any]:
    """Returns the instance's row for its image; `present` are the paths that exist at `commit`."""
    row = dict(instance.row)
    row["base_commit"] = commit
    passing = instance.tests("PASS_TO_PASS")
    row["PASS_TO_PASS"] = json.dumps(passing) if isinstance(row["PASS_TO_PASS"], str) else passing
    row["eval_script"] = eval_script(instance, commit, present)
    row["image"] = instance.image
    return row


def test_command(instance: Instance) -> str:
    """Returns the test command.

    SymPy closes the line of a file's last test with `[OK]`, which the official parser does not read as passed. In a
    neighbouring release another test may be the last one than at the row's base commit, so the mark is taken off.
    """
    command = instance.entry["test_cmd"]
    if instance.entry["repo"] == "sympy/sympy":
        command += r" | sed -E 's/ +\[(OK|FAIL)\]$//'"
    return command


def eval_script(instance: Instance, commit: str, present: set[str]) -> str:
    """Returns the evaluation script, in SWE-bench's frame or in that of SWE-Gym's fork.

    The install step of the original is left out: it would need the network.
    """
    marked = instance.dataset == "swe-bench"
    patch = instance.row["test_patch"]
    files = [shlex.quote(path) for path in base_side(patch) if path in present]
    checkout = [f"git checkout {commit} {' '.join(files)}"] if files else []
    activate = ["source /opt/miniconda3/bin/activate", "conda activate testbed"]
    test = [test_command(instance)]
    if marked:
        test = [": '>>>>> Start Test Output'", *test, ": '>>>>> End Test Output'"]
    lines = [
        "#!/bin/bash",
        "set -uxo pipefail" if marked else "set -xo pipefail",
        *activate,
        "cd /testbed",
        "git config --global --add safe.directory /testbed",
        "cd /testbed",
        "git status",
        # The only commit holds the whole tree, which no log should repeat.
        "git show --no-patch",
        f"git -c core.fileMode=false diff {commit}" if marked else f"git diff {commit}",
        *activate,
        *checkout,
        f"git apply -v - <<'{DELIMITER}'",
        patch.removesuffix("\n"),
        DELIMITER,
        *test,
        *checkout,
    ]
    return "\n".join(lines) + "\n"
