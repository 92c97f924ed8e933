"""What a file is, by its first bytes; by its name only where those leave it open."""

from __future__ import annotations

import re

__all__ = ["BINARY", "HEAD", "media_type_of"]

HEAD = 4096
"""How many of a file's first bytes are looked at."""

BINARY = "application/octet-stream"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "application/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"(\xb5/\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"{\\rtf", "application/rtf"),
)
"""Position, bytes, type."""

_MAY_BE_TEXT = frozenset({"application/pdf", "application/rtf"})
_INSIDE_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_ZIPPED = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "jar": "application/java-archive",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ZIP_ENTRIES = (("docx", b"word/"), ("xlsx", b"xl/"), ("pptx", b"ppt/"))
_OLE = {"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint"}
_TEXTS = {
    "c": "text/x-c",
    "cpp": "text/x-c++",
    "css": "text/css",
    "csv": "text/csv",
    "go": "text/x-golang",
    "htm": "text/html",
    "html": "text/html",
    "java": "text/x-java",
    "js": "text/javascript",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "php": "text/x-php",
    "py": "text/x-python",
    "rb": "text/x-ruby",
    "sh": "application/x-sh",
    "svg": "image/svg+xml",
    "tex": "text/x-tex",
    "toml": "application/toml",
    "ts": "application/typescript",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
_TEXT = "text/plain"
_MARKUP = (
    (re.compile(rb"\s*<(?:!doctype html|html[\s>])", re.IGNORECASE), "text/html"),
    (
        re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]", re.DOTALL),
        "image/svg+xml",
    ),
    (re.compile(rb"\s*<\?xml\s"), "application/xml"),
)
_CONTROLS = bytes(set(range(32)) - {8, 9, 10, 12, 13, 27})
_TELLING = 512
"""Bytes of which one is a control character all but surely, unless they are text."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


def media_type_of(head: bytes, filename: str, declared: str = "") -> str:
    """The media type of a file.

    The content has the say. Where it only says "text", "a zip" or "an Office document of old", the name's extension
    chooses among the types that are that; where it says nothing, the client's word is taken.

    Args:
        head: The first :data:`HEAD` bytes, or all where there are fewer.
        filename: The file's name.
        declared: What the client said, if anything.
    """
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(head, extension)
    is_text = _is_text(head)
    found = _by_magic(head)
    if found == "application/x-ole-storage":
        return _OLE.get(extension, found)
    if found is not None and (not is_text or found in _MAY_BE_TEXT):
        return found
    if is_text or _is_old_text(head, extension, declared):
        return _text(head, extension)
    return declared if _MEDIA_TYPE.fullmatch(declared) and not declared.startswith("text/") else BINARY


def _by_magic(head: bytes) -> str | None:
    for at, magic, kind in _MAGIC:
        if head.startswith(magic, at):
            return kind
    if head.startswith(b"RIFF"):
        return _INSIDE_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "audio/mpeg"
    return None


def _zipped(head: bytes, extension: str) -> str:
    for kind, folder in _ZIP_ENTRIES:
        if b"[Content_Types].xml" in head and folder in head:
            return _ZIPPED[kind]
    if head[30:38] == b"mimetype":
        stated = re.match(rb"[\x20-\x7e]{3,100}?(?=PK|[^\x21-\x7e]|$)", head[38:])
        kinds = {kind.encode(): kind for kind in _ZIPPED.values()}
        if stated is not None and stated[0] in kinds:
            return kinds[stated[0]]
    return _ZIPPED.get(extension, "application/zip")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return len(head) % 2 == 0 or len(head) == HEAD
    if head.translate(None, _CONTROLS) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut off by the end of what is looked at.
        return len(head) == HEAD and error.start >= HEAD - 3
    return True


def _is_old_text(head: bytes, extension: str, declared: str) -> bool:
    """Whether it is text in an encoding from before UTF-8: no control characters, and a name or a length that says so.

    Of random bytes, so many without a control character are as good as impossible.
    """
    if not head or head.translate(None, _CONTROLS) != head:
        return False
    return extension in _TEXTS or declared.startswith("text/") or len(head) >= _TELLING


def _text(head: bytes, extension: str) -> str:
    bare = head.removeprefix(b"\xef\xbb\xbf")
    for pattern, kind in _MARKUP:
        if pattern.match(bare):
            return kind
    return _TEXTS.get(extension, _TEXT)
