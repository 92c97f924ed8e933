"""Writes the pages; ``make docs`` runs it."""

from __future__ import annotations

from tools.reference.pages import ROOT, pages


def main() -> None:
    """Write what has changed and say so."""
    for path, text in pages().items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"written: {path}")


if __name__ == "__main__":
    main()
