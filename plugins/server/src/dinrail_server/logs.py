"""Log lines: JSON where a program reads them, plain where a person does."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

__all__ = ["JsonLines", "set_up_logging"]


class JsonLines(logging.Formatter):
    """One line of JSON a record, tracebacks included, in the shape of the access log's lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def set_up_logging(level: str) -> None:
    """Send everything to the standard error stream.

    Args:
        level: The least severe of the lines, such as ``info``; of foreign libraries, warnings and worse come through.
    """
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(levelname)s %(name)s: %(message)s")
    handler.setFormatter(plain if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("dinrail").setLevel(level.upper())
