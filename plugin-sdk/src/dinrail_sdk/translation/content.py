"""Reading the content of messages, as JSON."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from dinrail_core.errors import InvalidRequest

__all__ = ["DataUrl", "arguments_of", "joined_text", "parts_of", "read_data_url"]


class DataUrl(NamedTuple):
    """What a ``data:`` URL holds (RFC 2397).

    Attributes:
        media_type: Without parameters; ``text/plain`` where none stands.
        data: Base64.
    """

    media_type: str
    data: str

    def text(self, param: str) -> str:
        """The content, where it is text.

        Raises:
            InvalidRequest: It is not base64 of UTF-8.
        """
        try:
            return b64decode(self.data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidRequest("The document is not base64 of UTF-8 text.", param=param) from None


def read_data_url(url: str, param: str) -> DataUrl | None:
    """The media type and the data of a ``data:`` URL, ``None`` for an URL of another kind.

    Raises:
        InvalidRequest: It is not one, although it begins as one.
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    kind, *parameters = head.split(";")
    if not comma:
        raise InvalidRequest("The data: URL has no data.", param=param)
    media_type = kind.strip().lower() or "text/plain"
    if parameters and parameters[-1].strip().lower() == "base64":
        return DataUrl(media_type, data)
    return DataUrl(media_type, binascii.b2a_base64(unquote_to_bytes(data), newline=False).decode())


def parts_of(content: Any) -> list[dict[str, Any]]:
    """A message's content as parts; text alone is one, nothing is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def joined_text(content: Any) -> str:
    """The texts of a content, one after the other, a refusal among them."""
    return "".join(part["refusal"] if part["type"] == "refusal" else part.get("text", "") for part in parts_of(content))


def arguments_of(call: Mapping[str, Any], param: str) -> dict[str, Any]:
    """The arguments of a function call as an object; none where the text is empty.

    Raises:
        InvalidRequest: They are not an object, so an upstream that takes one cannot be told of them.
    """
    text = call["function"]["arguments"]
    try:
        found = orjson.loads(text) if text.strip() else {}
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        where = f"{param}.function.arguments"
        raise InvalidRequest("This provider takes arguments of calls that are a JSON object.", param=where)
    return found
