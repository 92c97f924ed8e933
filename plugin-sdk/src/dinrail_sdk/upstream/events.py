"""What a stream's dialect says about its events: what goes on, what is an error, and when it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dinrail_core.errors import DinrailError

__all__ = ["Events", "ReportedError"]


class ReportedError(Exception):
    """An upstream reports an error inside an answer that began well.

    Args:
        report: The object that carries it, usually ``{"error": {…}}``.
    """

    def __init__(self, report: Mapping[str, Any]) -> None:
        super().__init__("the upstream reports an error")
        self.report = report


class Events(Protocol):
    """Looks at the events of one stream.

    Attributes:
        done: The dialect's last word has been said; what follows is not read.
        failure: What is raised once that which came before it has been handed on.
    """

    done: bool
    failure: ReportedError | DinrailError | None

    def sift(self, whole: bytes) -> bytes:
        """What is handed on of ``whole``: frames with ``\\n`` as line end, the last perhaps without its blank line.

        Sets :attr:`done` at the dialect's last word, or :attr:`failure` at a frame that reports an error or that the
        dialect does not allow, and hands on what stands before it.
        """
        ...

    def finish(self) -> None:
        """Called when the upstream has ended the stream without :attr:`done`.

        Raises:
            UpstreamInvalid: It is not whole.
        """
        ...
