"""An instance's files on the host: before and after its gold patch."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from instances import Instance

GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "registry",
    "GIT_AUTHOR_EMAIL": "registry@localhost",
    "GIT_COMMITTER_NAME": "registry",
    "GIT_COMMITTER_EMAIL": "registry@localhost",
}


def base_side(patch: str) -> list[str]:
    """Returns the paths that a patch changes or deletes."""
    return list(dict.fromkeys(re.findall(r"^--- a/(.+?)\t?$", patch, re.MULTILINE)))


def both_sides(patch: str) -> list[str]:
    """Returns every path that a patch names, new ones and renames included."""
    headers = re.findall(r"^diff --git a/(.+?) b/(.+)$", patch, re.MULTILINE)
    return list(dict.fromkeys(path for pair in headers for path in pair))


@dataclass(frozen=True)
class Tree:
    """The files that the gold patch and the test patch name, as text by path."""

    before: dict[str, str]
    after: dict[str, str]
    reversed_patch: str


def read(instance: Instance) -> Tree:
    """Takes the files out of the image and applies the gold patch to a copy."""
    paths = [*both_sides(instance.row["patch"]), *both_sides(instance.row["test_patch"])]
    command = ["docker", "run", "--rm", "--network", "none", instance.image]
    command += ["tar", "-C", "/testbed", "--ignore-failed-read", "-cf", "-", "--", *dict.fromkeys(paths)]
    archive = subprocess.run(command, capture_output=True, check=False).stdout
    with TemporaryDirectory(prefix="spotter-tree-") as folder:
        root = Path(folder)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(root)
        before = _texts(root)
        _git(root, "init", "-q")
        _git(root, "add", "-A", "-f", ".")
        _git(root, "commit", "-q", "-m", "base")
        _git(root, "apply", "--index", "--whitespace=nowarn", "-", stdin=instance.row["patch"])
        backwards = _git(root, "diff", "--cached", "-R", "--no-color", "--binary", "HEAD")
        return Tree(before, _texts(root), backwards)


def _texts(root: Path) -> dict[str, str]:
    """Returns the files below `root` by relative path, byte for byte."""
    files = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts]
    return {str(path.relative_to(root)): path.read_bytes().decode("utf-8", "surrogateescape") for path in files}


def _git(root: Path, *args: str, stdin: str = "") -> str:
    """Runs git without the host's configuration."""
    options = ["-c", "core.autocrlf=false", "-c", "commit.gpgSign=false", "-c", "diff.noprefix=false"]
    done = subprocess.run(
        ["git", *options, *args],
        cwd=root,
        input=stdin.encode(),
        capture_output=True,
        check=True,
        env={**os.environ, **GIT_ENV},
    )
    return done.stdout.decode("utf-8", "surrogateescape")
