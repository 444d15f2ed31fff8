"""Fetches one source package through pip's own session, without running its build.

Runs inside a build container, whose pip is the one that Debian ships:
`pip download` would prepare the package's metadata, which for old packages
needs build tools that no longer install.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pip._internal.commands import create_command
from pip._internal.models.link import Link
from pip._internal.network.download import Downloader


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fetch(project: str, file: str, folder: Path) -> Path:
    """Downloads the file that the configured index lists for the project."""
    command = create_command("download")
    flags = ["--no-deps", "--no-binary", ":all:", "--ignore-requires-python", project]
    options, _ = command.parse_args(flags)
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        links: list[Link] = [candidate.link for candidate in finder.find_all_candidates(project)]
        for link in links:
            if link.filename.lower() == file.lower():
                path, _ = Downloader(session, "off")(link, str(folder))
                return Path(path)
    sys.exit(f"the index lists no file `{file}` for `{project}` ({len(links)} source packages)")


def main() -> None:
    """Prints the path of the verified package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project")
    parser.add_argument("file")
    parser.add_argument("sha256")
    parser.add_argument("folder", type=Path)
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
    print(target)


if __name__ == "__main__":
    main()
