"""What a model to be fetched may be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from dinrail_core.errors import InvalidRequest, NotFound
from dinrail_llamacpp.catalogue import CATALOGUE
from dinrail_llamacpp.found import model_name

__all__ = ["FORMS", "FromPackage", "FromUrl", "parse"]

FORMS = (
    f"{', '.join(CATALOGUE)}; hf:ORGANISATION/REPOSITORY/FILE.gguf; https://HOST/FILE.gguf, if possible with "
    "#sha256=CHECKSUM; package:NAME==VERSION/FILE.gguf"
)
"""The names that there are, for messages."""

_HUB = re.compile(
    r"hf:(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w.-]+))?/(?P<file>[\w./ +-]+\.gguf)"
)
_PACKAGE = re.compile(
    r"package:(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[A-Za-z0-9][\w.+!-]*)/(?P<file>[\w./ +-]+\.gguf)"
)
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FromUrl:
    """A file that is fetched over HTTP.

    Attributes:
        model: What the model will be called.
        url: Where the file is.
        sha256: Its checksum, where one was given.
        hub: Whether it is the configured hub's, which tells the checksum and may want a token.
    """

    model: str
    url: str
    sha256: str | None = None
    hub: bool = False


@dataclass(frozen=True, slots=True)
class FromPackage:
    """A file out of a wheel.

    Attributes:
        model: What the model will be called.
        package: The distribution.
        version: Its version.
        member: The file's path inside the wheel, or the end of that path.
        wheel_sha256: The wheel's checksum, where it is known.
        sha256: The file's checksum, where it is known.
        size: The file's size in bytes, where it is known.
    """

    model: str
    package: str
    version: str
    member: str
    wheel_sha256: str | None = None
    sha256: str | None = None
    size: int | None = None


def parse(name: str, *, hub_url: str) -> FromUrl | FromPackage:
    """Read a name.

    Args:
        name: As the operator wrote it.
        hub_url: The configured hub.

    Raises:
        NotFound: It is of no form that is known, or no name of the catalogue.
        InvalidRequest: It is of a known form, and something about it is wrong.
    """
    address, _, fragment = name.partition("#")
    sha256 = _checksum(fragment)
    entry = CATALOGUE.get(address)
    if entry is not None:
        return FromPackage(
            address, entry.package, entry.version, entry.member, entry.wheel_sha256, entry.sha256, entry.size
        )
    if found := _HUB.fullmatch(address):
        path = f"{found['repository']}/resolve/{found['revision'] or 'main'}/{quote(_inside(found['file']))}"
        return FromUrl(_named(found["file"]), f"{hub_url.rstrip('/')}/{path}", sha256, hub=True)
    if found := _PACKAGE.fullmatch(address):
        file = _inside(found["file"])
        return FromPackage(_named(file), found["name"], found["version"], file, sha256=sha256)
    if address.startswith(("https://", "http://")):
        return _url(address, sha256)
    raise NotFound(f"There is no model '{name}'. Names are: {FORMS}.")


def _url(address: str, sha256: str | None) -> FromUrl:
    parts = urlsplit(address)
    file = unquote(parts.path.rpartition("/")[2])
    if not parts.hostname or not file.endswith(".gguf"):
        raise InvalidRequest("The URL of a model ends in '.gguf'.")
    if parts.username or parts.password:
        raise InvalidRequest("A URL must not contain a user or a password.")
    if parts.scheme == "http" and sha256 is None:
        raise InvalidRequest("What comes over plain http needs a checksum: add #sha256=… to the URL.")
    return FromUrl(_named(file), address, sha256)


def _checksum(fragment: str) -> str | None:
    if not fragment:
        return None
    key, _, value = fragment.partition("=")
    if key != "sha256" or not _SHA256.fullmatch(value.lower()):
        raise InvalidRequest("What stands behind '#' is 'sha256=' and 64 hexadecimal digits.")
    return value.lower()


def _inside(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidRequest("The path of the file is not one.")
    return path


def _named(file: str) -> str:
    name = model_name(file.rpartition("/")[2])
    if _PART.search(name):
        raise InvalidRequest("This is one of several parts; fetch them all into one folder and configure the first.")
    return name
