"""The server's other log lines."""

from __future__ import annotations

import json
import logging

from dinrail_server.logs import JsonLines


def _record(message: str, *arguments: object, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error is not None else None
    return logging.LogRecord("dinrail.x", logging.WARNING, "file.py", 1, message, arguments, info)


def test_a_line_is_json_whatever_is_in_it() -> None:
    line = JsonLines().format(_record('a "quoted"\nline of %s', "ü"))
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {"event": "log", "level": "warning", "logger": "dinrail.x", "message": 'a "quoted"\nline of ü'}


def test_a_traceback_is_part_of_its_line() -> None:
    line = JsonLines().format(_record("failed", error=RuntimeError("why")))
    assert "RuntimeError: why" in json.loads(line)["exception"]
    assert "\n" not in line
