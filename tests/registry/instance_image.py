"""Environment and instance images, laid out as the official ones are."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import base_image
from engine import BuildError, Container, container, labels, size
from host import SHARE, Passage
from instances import Instance

ENVIRONMENT = "/opt/miniconda3/envs/testbed"
# Raised when the steps change, so that images are built anew.
ENVIRONMENT_VERSION = "1"
INSTANCE_VERSION = "2"
# Every commit id depends on these.
AUTHOR = "registry"
EMAIL = "registry@localhost"
DATE = "2024-01-01T00:00:00+0000"

ACTIVATE = "set +u; source /opt/miniconda3/bin/activate; conda activate testbed; set -u\n"

COMMIT = f"""
cd /testbed
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME={AUTHOR} GIT_AUTHOR_EMAIL={EMAIL} GIT_AUTHOR_DATE={DATE}
export GIT_COMMITTER_NAME={AUTHOR} GIT_COMMITTER_EMAIL={EMAIL} GIT_COMMITTER_DATE={DATE}
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0
git -c core.autocrlf=false -c core.fileMode=true add -A -f .
git -c commit.gpgSign=false commit -q --no-verify -m "$MESSAGE"
git gc -q --prune=now
git rev-parse HEAD
"""

# An install may rewrite a generated file that the package holds and the repository
# does not (a version file), and leave byte code. New files of its own stay, untracked.
TIDY = """
cd /testbed
git status --porcelain
git checkout -q -- .
find . -name __pycache__ -prune -exec rm -rf {} +
git status --porcelain
"""

UNPACK = """
umask 022
mkdir -p /testbed
case "$SDIST" in
    *.zip) python3 -m zipfile -e "$SDIST" /tmp/sdist && cp -a /tmp/sdist/*/. /testbed/ && rm -r /tmp/sdist ;;
    *) tar --no-same-owner --no-same-permissions --strip-components=1 -C /testbed -xf "$SDIST" ;;
esac
cd /testbed
GIT_CONFIG_GLOBAL=/dev/null git init -q -b main .
# What an install writes is not in the repository either.
find . -maxdepth 2 -name '*.egg-info' -prune -exec rm -rf {} +
"""


@dataclass(frozen=True)
class Built:
    """A finished image: its repository's commit and what making it cost."""

    instance: Instance
    commit: str
    seconds: float
    megabytes: float
    shared_megabytes: float


def environment_recipe(instance: Instance) -> str:
    """Returns the hash of base image, Python and pins; equal ones share an image."""
    entry = instance.entry
    parts = [ENVIRONMENT_VERSION, base_image.recipe(), entry["python"], entry["pip"], entry["pip_flags"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:22]


def environment_name(instance: Instance) -> str:
    """Returns the environment image's name by the local scheme."""
    return f"sweb.env.x86_64.{environment_recipe(instance)}:latest"


def build_environment(instance: Instance, base: str, passage: Passage, out: Path) -> None:
    """Makes the environment image that the instance needs, unless it is there."""
    image, recipe = environment_name(instance), environment_recipe(instance)
    if labels(image).get("spotter.recipe") == recipe:
        return
    entry = instance.entry
    if entry["python"] != base_image.PYTHON:
        raise BuildError(f"{instance.id}: Python {entry['python']} asked for, the base has {base_image.PYTHON}")
    pins = " ".join(shlex.quote(pin) for pin in entry["pip"])
    bashrc = "source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed"
    log = out / "build" / f"env-{recipe}.log"
    with container(base, passage.mounts, passage.env, log) as building:
        building.step("environment", f"python3 -m venv {ENVIRONMENT}\necho '{bashrc}' > /root/.bashrc")
        if pins:
            building.step("pip install", f"{ENVIRONMENT}/bin/pip install -q {entry['pip_flags']} {pins}")
        building.commit(image, {"spotter.recipe": recipe})


def recipe(instance: Instance) -> str:
    """Returns the hash of everything that goes into the instance image."""
    entry, row = instance.entry, instance.row
    parts = [INSTANCE_VERSION, environment_recipe(instance), UNPACK, COMMIT, TIDY]
    parts += [entry["sha256"], entry["tree"], entry["sdist"], entry["install"]]
    if entry["tree"] == "reverse":
        parts += [row["patch"], row["test_patch"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:22]


def build(instance: Instance, passage: Passage, out: Path) -> Built:
    """Makes the instance image unless it is up to date."""
    started = time.monotonic()
    found = labels(instance.image)
    commit = found.get("spotter.base_commit", "")
    if found.get("spotter.recipe") != recipe(instance):
        if not labels(environment_name(instance)):
            raise BuildError("there is no environment image to build on")
        log = out / "build" / f"{instance.id}.log"
        with container(environment_name(instance), passage.mounts, passage.env, log) as building:
            commit = _repository(building, instance, passage.share)
            for line in instance.entry["install"]:
                building.step("install", f"{ACTIVATE}cd /testbed\n{line}")
            building.step("tidy after install", TIDY)
            building.commit(
                instance.image, {"spotter.recipe": recipe(instance), "spotter.base_commit": commit}
            )
    whole, shared = size(instance.image), size(environment_name(instance))
    return Built(instance, commit, time.monotonic() - started, (whole - shared) / 1e6, shared / 1e6)


def _repository(building: Container, instance: Instance, share: Path) -> str:
    """Puts the tree at /testbed as one commit and returns its id."""
    entry, row = instance.entry, instance.row
    script = Path(__file__).resolve().parents[2] / "envs/images/src/sdist.py"
    shutil.copyfile(script, share / "sdist.py")
    arguments = [entry["sdist"].partition("==")[0], entry["sdist_file"], entry["sha256"], f"{SHARE}/sdists"]
    fetch = f"{ENVIRONMENT}/bin/python {SHARE}/sdist.py " + " ".join(map(shlex.quote, arguments))
    sdist = building.step("fetch the source package", fetch).strip().splitlines()[-1]
    building.step("unpack", UNPACK, env={"SDIST": sdist})
    if entry["tree"] == "reverse":
        for name in ("patch", "test_patch"):
            file = share / f"{instance.id}.{name}.diff"
            file.write_text(row[name], encoding="utf-8", newline="")
            apply = f"cd /testbed\ngit apply -R --whitespace=nowarn {SHARE}/{shlex.quote(file.name)}"
            building.step(f"take out the {name}", apply)
    message = f"{entry['repo']}: {entry['sdist']}"
    return building.step("commit", COMMIT, env={"MESSAGE": message}).strip().splitlines()[-1]
