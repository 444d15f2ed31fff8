"""What a build takes over from the host at run time: the way to its package index and mirror.

Nothing of it is written into an image: settings travel as environment
variables of single commands, certificates through a mounted folder.
"""

from __future__ import annotations

import configparser
import os
import shutil
import ssl
import subprocess
from pathlib import Path

SHARE = "/mnt"
"""Where a build container sees the shared folder."""

CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
OWN_PIP_KEYS = {"PIP_CERT", "PIP_CACHE_DIR", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"}


def pip_settings() -> dict[str, str]:
    """Returns the host's pip configuration as PIP_* variables, files first, environment last."""
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
    files += [Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = configparser.RawConfigParser()
    parser.read([file for file in files if file.is_file()])
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for key, value in parser.items(section):
                settings["PIP_" + key.upper().replace("-", "_")] = value
    settings.update({k: v for k, v in os.environ.items() if k.startswith("PIP_")})
    return settings


def _certificate(settings: dict[str, str]) -> Path | None:
    """Returns the bundle of certificates that the host's clients trust."""
    named = [settings.get("PIP_CERT", "")] + [os.environ.get(name, "") for name in CERTIFICATES]
    default = ssl.get_default_verify_paths().cafile
    for name in [*named, default or ""]:
        if name and Path(name).is_file():
            return Path(name)
    return None


def _link_folders(settings: dict[str, str]) -> list[Path]:
    """Returns the local folders of pip's find-links that hold anything."""
    names = settings.get("PIP_FIND_LINKS", "").split()
    folders = [Path(name.removeprefix("file://")) for name in names if "://" not in name[5:]]
    return [folder for folder in folders if folder.is_dir() and any(folder.iterdir())]


class Passage:
    """Mounts and variables that give a build container the host's way to the index."""

    def __init__(self, share: Path) -> None:
        share.mkdir(parents=True, exist_ok=True)
        self.share = share.resolve()
        settings = pip_settings()
        self.env = {k: v for k, v in settings.items() if k not in OWN_PIP_KEYS}
        self.env["PIP_CACHE_DIR"] = f"{SHARE}/pip-cache"
        self.env["PIP_ROOT_USER_ACTION"] = "ignore"
        self.env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        for name in PROXIES:
            for spelling in (name, name.upper()):
                if spelling in os.environ:
                    self.env[spelling] = os.environ[spelling]
        certificate = _certificate(settings)
        if certificate:
            shutil.copyfile(certificate, self.share / "certificates.pem")
            for name in CERTIFICATES:
                self.env[name] = f"{SHARE}/certificates.pem"
        self.mounts = [f"{self.share}:{SHARE}"]
        folders = _link_folders(settings)
        if folders:
            self.env["PIP_FIND_LINKS"] = " ".join(map(str, folders))
            self.mounts += [f"{folder.resolve()}:{folder}:ro" for folder in folders]


def debian_mirror(suite: str) -> str | None:
    """Returns the mirror of `suite` in the host's apt sources; None leaves it to debootstrap."""
    if shutil.which("apt-get") is None:
        return None
    command = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        fields = line.split()
        if fields[1:] == [suite, "main"] and "security" not in fields[0]:
            return fields[0]
    return None
