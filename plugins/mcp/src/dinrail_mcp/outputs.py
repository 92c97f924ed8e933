"""What a tool put out, as a model can be shown it."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
import orjson

from dinrail_core.api.items.content import InputFile, InputImage, InputText
from dinrail_core.api.items.mcp import McpToolError
from dinrail_core.api.mcp import McpOutput

__all__ = ["output_of"]

_SHOWN = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
"""Images that models take."""

Part = InputText | InputImage | InputFile


def output_of(result: types.CallToolResult) -> McpOutput:
    """The output in a result.

    Structured content is told as JSON text where the other content does not say the same.
    """
    parts = [_part(block) for block in result.content]
    if result.structured_content is not None and not _says(parts, result.structured_content):
        parts.append(InputText(text=orjson.dumps(result.structured_content).decode()))
    error = None
    if result.is_error:
        content = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
        error = McpToolError(content=content)
    return McpOutput(parts=tuple(parts), error=error)


def _part(block: types.ContentBlock) -> Part:
    match block:
        case types.TextContent():
            return InputText(text=block.text)
        case types.ImageContent():
            return _image(block.data, block.mime_type)
        case types.AudioContent():
            return InputText(text=f"[audio, {block.mime_type}, which cannot be shown here]")
        case types.EmbeddedResource():
            return _resource(block.resource)
        case types.ResourceLink():
            described = f": {block.description}" if block.description else ""
            return InputText(text=f"[resource {block.title or block.name} at {block.uri}{described}]")


def _resource(resource: types.TextResourceContents | types.BlobResourceContents) -> Part:
    if isinstance(resource, types.TextResourceContents):
        return InputText(text=resource.text)
    kind = resource.mime_type or "application/octet-stream"
    if kind in _SHOWN:
        return _image(resource.blob, kind)
    if not _is_base64(resource.blob):
        return InputText(text=f"[resource {resource.uri}, {kind}, which is not base64]")
    return InputFile(filename=_name(resource.uri), file_data=f"data:{kind};base64,{resource.blob}")


def _image(data: str, kind: str) -> Part:
    if kind not in _SHOWN or not _is_base64(data):
        return InputText(text=f"[image, {kind}, which cannot be shown here]")
    return InputImage(image_url=f"data:{kind};base64,{data}", detail="auto")


def _is_base64(data: str) -> bool:
    try:
        b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _name(uri: str) -> str:
    try:
        return PurePosixPath(urlsplit(uri).path).name or "resource"
    except ValueError:
        return "resource"


def _says(parts: Sequence[Part], structured: Any) -> bool:
    """Whether a text says the same as the structured content; servers wrap a bare value into ``{"result": …}``."""
    bare = next(iter(structured.values())) if isinstance(structured, dict) and len(structured) == 1 else structured
    for part in parts:
        if isinstance(part, InputText):
            if part.text == bare:
                return True
            try:
                if orjson.loads(part.text) in (structured, bare):
                    return True
            except orjson.JSONDecodeError:
                continue
    return False
