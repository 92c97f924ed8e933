"""The change log, made of fragments so that two branches never edit the same lines.

A fragment is a file ``changelog.d/<slug>.<kind>.md`` with one change in a paragraph or two, written for those who use
Dinrail. ``python -m tools.changelog`` shows what the next version's section would be, ``python -m tools.changelog
0.2.0`` puts that section into ``CHANGELOG.md`` and removes the fragments.
"""

from __future__ import annotations

import argparse
import datetime
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KINDS", "Fragment", "main", "read_fragments", "section"]

KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}

_ROOT = Path(__file__).parents[1]
_NAME = re.compile(rf"(?P<slug>[a-z0-9]+(-[a-z0-9]+)*)\.(?P<kind>{'|'.join(KINDS)})\.md")
_MARK = "<!-- versions -->\n"
_VERSION = re.compile(r"\d+\.\d+\.\d+(rc\d+)?")


@dataclass(frozen=True, slots=True)
class Fragment:
    """One change.

    Attributes:
        file: Where it stands.
        kind: One of :data:`KINDS`.
        text: What changed, for users.
    """

    file: Path
    kind: str
    text: str


def read_fragments(folder: Path) -> list[Fragment]:
    """The fragments of a folder, sorted by name.

    Raises:
        ValueError: A file is no fragment; the message says why.
    """
    found = []
    for file in sorted(folder.glob("*")):  # the folder is not there just after a release
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name}: a fragment is called <slug>.<{'|'.join(KINDS)}>.md")
        text = file.read_text(encoding="utf-8").strip()
        if not text or text[0] in "-*#" or text[-1] not in ".:)`":
            raise ValueError(f"{file.name}: a fragment is whole sentences, without heading or bullet")
        found.append(Fragment(file, match["kind"], text))
    return found


def section(fragments: Iterable[Fragment]) -> str:
    """The body of a version's section."""
    parts = []
    fragments = list(fragments)
    for kind, title in KINDS.items():
        entries = [textwrap.indent(f.text, "  ").replace("  ", "- ", 1) for f in fragments if f.kind == kind]
        if entries:
            parts.append(f"### {title}\n\n" + "\n".join(entries))
    return "\n\n".join(parts)


def main(arguments: list[str] | None = None, root: Path = _ROOT) -> int:
    """Show the next section, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tools.changelog", description="Make the change log.")
    parser.add_argument("version", nargs="?", help="write the section of this version and remove the fragments")
    wanted = parser.parse_args(arguments)
    try:
        fragments = read_fragments(root / "changelog.d")
    except ValueError as error:
        parser.error(str(error))
    if wanted.version is None:
        print(section(fragments) or "Nothing has changed.")
        return 0
    if not _VERSION.fullmatch(wanted.version) or not fragments:
        parser.error("a version is like 0.2.0, and there must be fragments")
    file = root / "CHANGELOG.md"
    before, mark, after = file.read_text(encoding="utf-8").partition(_MARK)
    if not mark or f"## {wanted.version} " in after:
        parser.error(f"{file.name} has no line {_MARK.strip()}, or has the version already")
    today = datetime.datetime.now(tz=datetime.UTC).date()
    added = f"\n## {wanted.version} · {today}\n\n{section(fragments)}\n"
    file.write_text(before + mark + added + after, encoding="utf-8")
    for fragment in fragments:
        fragment.file.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
