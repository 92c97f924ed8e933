"""Messages of a chat as those of Anthropic's Messages API. Pure, over JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_sdk.translation import arguments_of, in_native_words, parts_of, read_data_url, thoughts_of

__all__ = ["FORM", "cache_mark", "in_turns", "instructions"]

FORM = "anthropic-claude-v1"
"""Whose thoughts and blocks are ours; OpenRouter's name for them."""

_INSTRUCT = ("system", "developer")
_TEXTS = re.compile(r"application/(.*\+)?(json|xml|yaml|x-yaml|toml|javascript|sql|x-ndjson)")
"""Kinds of documents that are texts under another name; Anthropic takes plain ones and PDF alone."""


def instructions(messages: Sequence[Mapping[str, Any]], ttl: str | None) -> tuple[list[dict[str, Any]], int]:
    """The instructions before the conversation, as blocks, and how many messages they are."""
    blocks: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        if message["role"] not in _INSTRUCT:
            return blocks, number
        blocks += _blocks(message, f"messages.{number}", ttl)
    return blocks, len(messages)


def in_turns(messages: Sequence[Mapping[str, Any]], start: int, ttl: str | None) -> list[dict[str, Any]]:
    """The conversation from a message on.

    Results of tools are the user's to tell, all of one turn in one message, and before anything else that it says.

    Args:
        messages: Of the request.
        start: Where the conversation begins.
        ttl: How long a marked prefix is to be cached.

    Raises:
        InvalidRequest: A message cannot be told to Anthropic.
    """
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for number, message in enumerate(messages[start:], start):
        where = f"messages.{number}"
        match message["role"]:
            case "tool":
                if results is None:
                    results = []
                    turns.append({"role": "user", "content": results})
                results.append(_result(message, where, ttl))
                continue
            case "user" if results is not None:
                results += _blocks(message, where, ttl)
            case "user":
                turns.append({"role": "user", "content": _content(message, where, ttl)})
            case "assistant":
                turns.append({"role": "assistant", "content": _said(message, where, ttl)})
            case "function":
                raise UnsupportedFeature(
                    "This provider takes results of tools in messages of the role 'tool'.", param=where
                )
            case _:
                turns.append({"role": "system", "content": _content(message, where, ttl)})
        results = None
    return turns


def cache_mark(thing: Mapping[str, Any], ttl: str | None) -> dict[str, Any]:
    """The mark of a part, a tool or a message that ends a prefix to be cached, in Anthropic's words or in OpenAI's."""
    if thing.get("cache_control"):
        return {"cache_control": thing["cache_control"]}
    if thing.get("prompt_cache_breakpoint"):
        return {"cache_control": {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})}
    return {}


def _content(message: Mapping[str, Any], where: str, ttl: str | None) -> str | list[dict[str, Any]]:
    content = message["content"]
    if isinstance(content, str) and not message.get("cache_control"):
        return content
    return _blocks(message, where, ttl)


def _blocks(message: Mapping[str, Any], where: str, ttl: str | None) -> list[dict[str, Any]]:
    blocks = [
        _block(part, f"{where}.content.{place}") | cache_mark(part, ttl)
        for place, part in enumerate(parts_of(message.get("content")))
    ]
    if blocks and message.get("cache_control"):
        blocks[-1] |= cache_mark(message, ttl)
    return blocks


def _block(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return {"type": "image", "source": _image(url, f"{where}.image_url.url")}
        case {"type": "file", "file": file}:
            return _document(file, f"{where}.file") | {
                key: part[key] for key in ("citations", "context") if part.get(key) is not None
            }
    raise UnsupportedFeature(f"Anthropic's models take no '{part['type']}'.", param=where)


def _image(url: str, where: str) -> dict[str, Any]:
    data = read_data_url(url, where)
    if data is None:
        return {"type": "url", "url": url}
    kind = "image/jpeg" if data.media_type == "image/jpg" else data.media_type
    return {"type": "base64", "media_type": kind, "data": data.data}


def _document(file: Mapping[str, Any], where: str) -> dict[str, Any]:
    titled = {"title": file["filename"]} if file.get("filename") else {}
    if file.get("file_id"):
        return {"type": "document", "source": {"type": "file", "file_id": file["file_id"]}, **titled}
    content = file.get("file_data") or ""
    data = read_data_url(content, f"{where}.file_data")
    if data is None and content.startswith(("https://", "http://")):
        return {"type": "document", "source": {"type": "url", "url": content}, **titled}
    if data is None:
        raise InvalidRequest("The file has neither an id nor a data: URL.", param=f"{where}.file_data")
    source: dict[str, Any] = {"type": "base64", "media_type": data.media_type, "data": data.data}
    if data.media_type.startswith("text/") or _TEXTS.fullmatch(data.media_type):
        source = {"type": "text", "media_type": "text/plain", "data": data.text(f"{where}.file_data")}
    return {"type": "document", "source": source, **titled}


def _result(message: Mapping[str, Any], where: str, ttl: str | None) -> dict[str, Any]:
    content = message["content"]
    more = {key: message[key] for key in ("is_error", "toolset_name") if message.get(key) is not None}
    return {
        "type": "tool_result",
        "tool_use_id": message["tool_call_id"],
        "content": content if isinstance(content, str) else _blocks({"content": content}, where, ttl),
        **more,
        **cache_mark(message, ttl),
    }


def _said(message: Mapping[str, Any], where: str, ttl: str | None) -> list[Any] | str:
    """A turn of the model's: as it wrote it, or else thoughts, text and calls in this order."""
    turn = in_native_words(message, FORM)
    if turn is not None:
        return turn
    calls = message.get("tool_calls") or []
    thoughts = [_thought(detail) for detail in thoughts_of(message, FORM)]
    content = message.get("content")
    if content is None and message.get("refusal"):
        content = message["refusal"]
    if isinstance(content, str) and content and not calls and not thoughts and not message.get("cache_control"):
        return content
    # An empty text is no block that Anthropic takes.
    texts = [block for block in _blocks({**message, "content": content}, where, ttl) if block["text"]]
    return thoughts + texts + [_call(call, f"{where}.tool_calls.{place}", ttl) for place, call in enumerate(calls)]


def _thought(detail: Mapping[str, Any]) -> dict[str, Any]:
    if detail.get("type") == "reasoning.encrypted":
        return {"type": "redacted_thinking", "data": detail.get("data", "")}
    return {"type": "thinking", "thinking": detail.get("text", ""), "signature": detail.get("signature", "")}


def _call(call: Mapping[str, Any], where: str, ttl: str | None) -> dict[str, Any]:
    if call["type"] != "function":
        raise UnsupportedFeature("Anthropic's models call functions alone.", param=where)
    more = {key: value for key, value in call.items() if key not in ("id", "type", "function", "cache_control")}
    return {
        **more,
        "type": "tool_use",
        "id": call["id"],
        "name": call["function"]["name"],
        "input": arguments_of(call, where),
        **cache_mark(call, ttl),
    }
