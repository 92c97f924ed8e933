"""Which revisions the installed services bring, read from metadata and file names alone."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from dinrail_core.errors import ConfigurationError
from dinrail_database.schema import Standing
from dinrail_sdk.sql.contract import MIGRATIONS

__all__ = ["TABLE", "Line", "lines"]

TABLE = "schema_version_"
"""How the tables begin in which the database remembers its revisions."""

_log = logging.getLogger(__name__)
_FILE = re.compile(r"([a-z][a-z0-9_]*)_(\d{4})_\w+\.py")


@dataclass(frozen=True, slots=True)
class Line:
    """The revisions of one service, one behind the other.

    Attributes:
        name: The service's name; its version table is :attr:`table`.
        folder: Where the revisions are.
        revisions: Their ids, the oldest first.
    """

    name: str
    folder: Path
    revisions: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table in which the database remembers how far this line has come."""
        return f"{TABLE}{self.name}"

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def standing(self, current: str | None) -> Standing:
        """Where the database stands, which is at ``current``."""
        return Standing(self.name, current, self.head, current is not None and current not in self.revisions)

    def check(self, current: str | None) -> bool:
        """Whether the database, which stands at ``current``, has to be upgraded.

        Raises:
            ConfigurationError: It is newer than the program.
        """
        if current is not None and current not in self.revisions:
            raise ConfigurationError(
                f"the database is newer than this program ({self.name}: it has {current}, known is {self.head}); "
                "it was left untouched. Install the newer version, or use another database.",
                key="services.database",
            )
        return current != self.head


def lines() -> list[Line]:
    """The lines of all installed services, by name."""
    return [line for point in sorted(entry_points(group=MIGRATIONS)) if (line := _line(point)) is not None]


def _line(point: EntryPoint) -> Line | None:
    try:
        spec = find_spec(point.value)
    except Exception as error:  # the package above is a plugin's code; one that is broken must not stop the others
        _log.warning("the migrations of '%s' cannot be found (%s)", point.name, type(error).__name__)
        return None
    if spec is None or not spec.submodule_search_locations:
        _log.warning("the migrations of '%s' are no package (%s)", point.name, point.value)
        return None
    folder = Path(next(iter(spec.submodule_search_locations)))
    names = [match for match in map(_FILE.fullmatch, sorted(p.name for p in folder.iterdir())) if match]
    revisions = tuple(f"{match[1]}_{match[2]}" for match in names if match[1] == point.name)
    return Line(point.name, folder, revisions) if revisions else None
