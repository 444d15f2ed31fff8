"""The few Docker commands that the builds need, through the `docker` program."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PREFIX = "spotter-registry"


class BuildError(Exception):
    """A step of a build failed; the message names the step and the log."""


def docker(*args: str, check: bool = True, stdin: str | None = None) -> str:
    """Runs one docker command and returns its standard output."""
    done = subprocess.run(
        ["docker", *args], input=stdin, capture_output=True, text=True, errors="replace", check=False
    )
    if check and done.returncode != 0:
        raise BuildError(f"docker {args[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def require_engine() -> None:
    """Raises when there is no Docker to build with."""
    if shutil.which("docker") is None:
        raise BuildError("there is no `docker` program on the path")
    docker("version")


def labels(image: str) -> dict[str, str]:
    """Returns the labels of a local image; empty when there is no such image."""
    text = docker("image", "inspect", "--format", "{{json .Config.Labels}}", image, check=False)
    return (json.loads(text) or {}) if text.strip() else {}


def size(image: str) -> int:
    """Returns the size of an image with all its layers, in bytes."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


class Container:
    """A running build container; its steps are written to a log."""

    def __init__(self, name: str, env: dict[str, str], log: IO[str]) -> None:
        self.name, self.env, self.log = name, env, log

    def step(self, title: str, script: str, *, env: dict[str, str] | None = None) -> str:
        """Runs a bash script; returns its standard output, or raises naming the step."""
        self.log.write(f"==> {title}\n{script}\n")
        self.log.flush()
        variables = {**self.env, **(env or {})}
        flags = [part for name in variables for part in ("-e", name)]
        command = ["docker", "exec", "-i", *flags, self.name, "bash", "-s"]
        done = subprocess.run(
            command,
            input="set -euo pipefail\n{\n" + script + "\n} < /dev/null\n",
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, **variables},
        )
        self.log.write(done.stdout)
        self.log.flush()
        if done.returncode != 0:
            raise BuildError(f"step `{title}` failed with {done.returncode}, see {self.log.name}")
        return done.stdout

    def commit(self, image: str, image_labels: dict[str, str]) -> None:
        """Saves the container as an image that starts a shell in the repository."""
        changes = [f"LABEL {name}={value}" for name, value in image_labels.items()]
        changes += ['CMD ["/bin/bash"]', "WORKDIR /testbed"]
        flags = [part for change in changes for part in ("--change", change)]
        former = docker("image", "inspect", "--format", "{{.Id}}", image, check=False).strip()
        docker("commit", *flags, self.name, image)
        if former:
            docker("image", "rm", former, check=False)


@contextlib.contextmanager
def container(image: str, mounts: list[str], env: dict[str, str], log: Path) -> Iterator[Container]:
    """Starts a container on the host's network for one build and removes it at the end."""
    name = f"{PREFIX}-{log.stem}-{os.getpid()}".lower().replace(":", "-")
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = [part for mount in mounts for part in ("-v", mount)]
    docker("run", "-d", "--network", "host", "--init", "--name", name, *flags, image, "sleep", "infinity")
    try:
        with log.open("w", encoding="utf-8") as stream:
            yield Container(name, env, stream)
    finally:
        docker("rm", "-f", name, check=False)
