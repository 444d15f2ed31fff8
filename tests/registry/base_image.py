"""The base image: Debian by debootstrap, with Python, git, a compiler and conda's shell interface."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine import BuildError, docker, labels
from host import debian_mirror

NAME = "spotter/registry-base"
SUITE = "bookworm"
PYTHON = "3.11"
PACKAGES = (
    "bash bzip2 ca-certificates curl file g++ gcc git jq less libc6-dev make patch procps "
    "python3 python3-dev python3-venv tzdata unzip xz-utils"
).split()
CONDA = Path(__file__).resolve().parents[2] / "envs/images/src/recipe/conda"
PLACES = {
    "activate": ("opt/miniconda3/bin/activate", 0o755),
    "conda": ("opt/miniconda3/bin/conda", 0o755),
    "conda.sh": ("opt/miniconda3/etc/profile.d/conda.sh", 0o644),
}
NEEDED_ON_HOST = {"debootstrap": "debootstrap", "zstd": "zstd", "git": "git"}


def recipe() -> str:
    """Returns the hash of everything that goes into the base image."""
    digest = hashlib.sha256(f"2 {SUITE} {PACKAGES}".encode())
    for name in sorted(PLACES):
        digest.update((CONDA / name).read_bytes())
    return digest.hexdigest()[:22]


def install_host_tools() -> None:
    """Installs by apt what the builds call on the host and do not find."""
    missing = [package for tool, package in NEEDED_ON_HOST.items() if not _found(tool)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise BuildError(f"please install {', '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=env)
    keyring = ["debian-archive-keyring"] if "debootstrap" in missing else []
    subprocess.run(["apt-get", "install", "-qy", *missing, *keyring], check=True, env=env)


def _found(tool: str) -> bool:
    return bool(shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"))


def build(out: Path, mirror: str | None) -> str:
    """Makes the base image unless it is there; returns its name with the recipe as tag."""
    image = f"{NAME}:{recipe()}"
    if labels(image).get("spotter.recipe") == recipe():
        return image
    install_host_tools()
    log = out / "build" / "base.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spotter-base-") as folder:
        root = Path(folder) / "root"
        _debootstrap(root, mirror or debian_mirror(SUITE), log)
        _stand_ins(root)
        _import(root, image)
    docker("tag", image, f"{NAME}:latest")
    return image


def _debootstrap(root: Path, mirror: str | None, log: Path) -> None:
    """Unpacks a minimal Debian with the packages of the recipe."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    command += [mirror] if mirror else []
    env = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False, env=env)
    if done.returncode != 0:
        raise BuildError(f"step `debootstrap` failed with {done.returncode}, see {log}")


def _stand_ins(root: Path) -> None:
    """Puts conda's shell interface in place and takes package caches out."""
    for name, (place, mode) in PLACES.items():
        target = root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONDA / name, target)
        target.chmod(mode)
    for name in ("python", "python3"):
        (root / "opt/miniconda3/bin" / name).symlink_to("/usr/bin/python3")
    (root / "opt/miniconda3/envs").mkdir()
    for cache in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log"):
        shutil.rmtree(root / cache, ignore_errors=True)
        (root / cache).mkdir(parents=True)
    # The host's name servers are no part of an image.
    for file in ("etc/resolv.conf", "etc/hostname"):
        (root / file).unlink(missing_ok=True)


def _import(root: Path, image: str) -> None:
    """Imports the tree as a one-layer image."""
    changes = ["ENV LANG=C.UTF-8", "ENV TZ=Etc/UTC", 'CMD ["/bin/bash"]', f"LABEL spotter.recipe={recipe()}"]
    flags = [part for change in changes for part in ("--change", change)]
    tar = subprocess.Popen(
        ["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-c", "."], stdout=subprocess.PIPE
    )
    done = subprocess.run(
        ["docker", "import", *flags, "-", image], stdin=tar.stdout, capture_output=True, text=True, check=False
    )
    if tar.wait() != 0 or done.returncode != 0:
        raise BuildError(f"step `docker import` failed: {done.stderr.strip()}")
