"""Which files are read, and how."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["Kind", "kind_of"]

Kind: TypeAlias = Literal["text", "markdown", "html", "json", "jsonl", "csv", "tsv", "code", "pdf"]

_BY_TYPE: dict[str, Kind] = {
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/tab-separated-values": "tsv",
}
_BY_EXTENSION: dict[str, Kind] = {
    "csv": "csv",
    "htm": "html",
    "html": "html",
    "ipynb": "json",
    "json": "json",
    "jsonl": "jsonl",
    "markdown": "markdown",
    "md": "markdown",
    "mdx": "markdown",
    "ndjson": "jsonl",
    "pdf": "pdf",
    "tsv": "tsv",
    "xhtml": "html",
}
_CODE = frozenset(
    [
        "bash",
        "bat",
        "c",
        "cc",
        "cfg",
        "clj",
        "cmake",
        "conf",
        "cpp",
        "cs",
        "css",
        "cxx",
        "dart",
        "diff",
        "el",
        "ex",
        "exs",
        "fs",
        "go",
        "gradle",
        "groovy",
        "h",
        "hh",
        "hpp",
        "hs",
        "ini",
        "java",
        "jl",
        "js",
        "jsx",
        "kt",
        "kts",
        "less",
        "lisp",
        "lua",
        "m",
        "mjs",
        "mm",
        "nim",
        "patch",
        "php",
        "pl",
        "pm",
        "proto",
        "ps1",
        "py",
        "pyi",
        "r",
        "rb",
        "rs",
        "scala",
        "scm",
        "scss",
        "sh",
        "sql",
        "swift",
        "tcl",
        "tex",
        "toml",
        "ts",
        "tsx",
        "v",
        "vb",
        "vhd",
        "vue",
        "xml",
        "xsl",
        "yaml",
        "yml",
        "zig",
        "zsh",
    ]
)
_CODE_TYPES = frozenset(
    {
        "application/toml",
        "application/typescript",
        "application/x-sh",
        "application/xml",
        "application/yaml",
        "image/svg+xml",
        "text/css",
        "text/javascript",
    }
)


def kind_of(media_type: str, filename: str) -> Kind | None:
    """How a file is read, or ``None`` where it is none of ours.

    Its type comes from its content, so a name cannot make text out of what is none; among texts, the name chooses.
    """
    found = _BY_TYPE.get(media_type)
    if found is not None:
        return found
    if not (media_type.startswith("text/") or media_type in _CODE_TYPES):
        return None
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    if extension in _CODE or media_type in _CODE_TYPES or media_type.startswith("text/x-"):
        return "code"
    named = _BY_EXTENSION.get(extension)
    return named if named is not None and named != "pdf" else "text"
