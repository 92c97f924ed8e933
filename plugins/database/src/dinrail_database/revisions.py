"""Which revisions the installed services bring, read from metadata and file names alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from dinrail_core.errors import ConfigurationError
from dinrail_sdk.sql.contract import MIGRATIONS

__all__ = ["Line", "lines"]

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
        return f"schema_version_{self.name}"

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

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
    found = []
    for point in sorted(entry_points(group=MIGRATIONS), key=lambda point: point.name):
        spec = find_spec(point.value)
        if spec is None or not spec.submodule_search_locations:
            raise ConfigurationError(f"{point.value} (entry point {MIGRATIONS}) is no package of migrations")
        folder = Path(next(iter(spec.submodule_search_locations)))
        names = [match for match in map(_FILE.fullmatch, sorted(p.name for p in folder.iterdir())) if match]
        revisions = tuple(f"{match[1]}_{match[2]}" for match in names if match[1] == point.name)
        if revisions:
            found.append(Line(point.name, folder, revisions))
    return found
