"""Fetches one source package through pip's own session, without running its build, and unpacks it if asked to.

Index, proxy and certificates are those of pip's configuration. `pip download` would prepare the package's metadata,
which for old packages needs build tools that no longer install.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from pip._internal.commands import create_command
from pip._internal.models.link import Link
from pip._internal.network.download import Downloader


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fetch(project: str, file: str, folder: Path) -> Path:
    """Downloads the file that the configured index lists for the project, `file` being its name or its version."""
    command = create_command("download")
    flags = ["--no-deps", "--no-binary", ":all:", "--ignore-requires-python", project]
    options, _ = command.parse_args(flags)
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        candidates = finder.find_all_candidates(project)
        for candidate in candidates:
            link: Link = candidate.link
            if file.lower() in (link.filename.lower(), str(candidate.version).lower()):
                path, _ = Downloader(session, "off")(link, str(folder))
                return Path(path)
    sys.exit(f"the index lists no source package `{file}` of `{project}` ({len(candidates)} others)")


def unpack(package: Path, folder: Path) -> None:
    """Unpacks what is below the package's single top folder, without what an install would write anew."""
    with TemporaryDirectory(dir=folder.parent) as name:
        if package.suffix == ".zip":
            with zipfile.ZipFile(package) as archive:
                archive.extractall(name)
        else:
            # Python's own module takes many times as long for thousands of files.
            flags = ["--no-same-owner", "--no-same-permissions", "-xf"]
            subprocess.run(["tar", "-C", name, *flags, str(package)], check=True)
        (top,) = Path(name).iterdir()
        for left in [*top.glob("*.egg-info"), *top.glob("*/*.egg-info")]:
            shutil.rmtree(left)
        for path in top.iterdir():
            path.rename(folder / path.name)


def main() -> None:
    """Prints the path of the verified package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project")
    parser.add_argument("file")
    parser.add_argument("sha256")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unpack", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    target = args.folder / args.sha256 / args.file
    if not (target.is_file() and digest(target) == args.sha256):
        target.parent.mkdir(parents=True, exist_ok=True)
        # Two builds may want the same package at once: the last step is a rename.
        with TemporaryDirectory(dir=target.parent) as folder:
            fetched = fetch(args.project, args.file, Path(folder))
            found = digest(fetched)
            if found != args.sha256:
                sys.exit(f"`{args.file}` has sha256 {found}, expected {args.sha256}")
            fetched.rename(target)
    if args.unpack:
        unpack(target, args.unpack)
    print(target)


if __name__ == "__main__":
    main()
