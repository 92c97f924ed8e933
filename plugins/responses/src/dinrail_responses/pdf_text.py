"""The text of a PDF: a program of its own, since a hostile document must cost nothing but its process.

Reads the document from its standard input and writes UTF-8 to its standard output. Exit codes: 0, or 2 where it is no
PDF that can be read, or 3 where the text is over the limit.
"""

from __future__ import annotations

import io
import resource
import sys

__all__ = ["main"]

_SECONDS = 20
_MEMORY = 1 << 30
_MOST = 4_000_000
"""Characters of text."""


def main() -> int:
    """See the module."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    pages: list[str] = []
    length = 0
    try:
        for page in PdfReader(io.BytesIO(sys.stdin.buffer.read())).pages:
            pages.append(page.extract_text())
            length += len(pages[-1])
            if length > _MOST:
                return 3
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        return 2
    sys.stdout.buffer.write("\n\n".join(pages).encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
