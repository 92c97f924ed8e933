"""Messages of a chat as those of Bedrock's Converse API. Pure, over JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_sdk.translation import arguments_of, in_native_words, parts_of, read_data_url, thoughts_of

__all__ = ["FORM", "cache_point", "in_turns", "instructions"]

FORM = "bedrock-converse"
"""Whose thoughts and blocks are ours."""

_INSTRUCT = ("system", "developer")
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_ENDINGS = {"jpg": "jpeg", "htm": "html", "mpg": "mpeg", "3gp": "three_gp"}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\] -]")
_LONGEST_NAME = 180


def instructions(messages: Sequence[Mapping[str, Any]], ttl: str | None) -> tuple[list[dict[str, Any]], int]:
    """The instructions before the conversation, as blocks, and how many messages they are."""
    blocks: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        if message["role"] not in _INSTRUCT:
            return blocks, number
        blocks += _blocks(message, f"messages.{number}", ttl)
    return blocks, len(messages)


def in_turns(messages: Sequence[Mapping[str, Any]], start: int, ttl: str | None) -> list[dict[str, Any]]:
    """The conversation from a message on, as turns that alternate: neighbours of one role become one turn.

    Args:
        messages: Of the request.
        start: Where the conversation begins.
        ttl: How long a marked prefix is to be cached.

    Raises:
        InvalidRequest: A message cannot be told to Bedrock.
    """
    turns: list[dict[str, Any]] = []
    for number, message in enumerate(messages[start:], start):
        where = f"messages.{number}"
        role = message["role"]
        match role:
            case "tool":
                role, blocks = "user", _result(message, where, ttl)
            case "user":
                blocks = _blocks(message, where, ttl)
            case "assistant":
                blocks = _said(message, where, ttl)
            case "function":
                raise UnsupportedFeature(
                    "This provider takes results of tools in messages of the role 'tool'.", param=where
                )
            case _:
                role, blocks = "system", _blocks(message, where, ttl)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:  # a turn that says nothing is none that Bedrock takes
            turns.append({"role": role, "content": blocks})
    _tell_apart(turns)
    return turns


def cache_point(thing: Mapping[str, Any], ttl: str | None) -> list[dict[str, Any]]:
    """The block that ends a prefix to be cached, where a part, a tool or a message is marked so."""
    mark = thing.get("cache_control")
    if mark:
        own = mark.get("ttl") if isinstance(mark, Mapping) else None
        return [{"cachePoint": {"type": "default"} | ({"ttl": own} if own else {})}]
    if thing.get("prompt_cache_breakpoint"):
        return [{"cachePoint": {"type": "default"} | ({"ttl": ttl} if ttl else {})}]
    return []


def _blocks(message: Mapping[str, Any], where: str, ttl: str | None) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for place, part in enumerate(parts_of(message.get("content"))):
        # An empty text is no block that Bedrock takes.
        if part.get("type") != "text" or part["text"]:
            blocks.append(_block(part, f"{where}.content.{place}"))
        blocks += cache_point(part, ttl)
    return blocks + cache_point({"cache_control": message.get("cache_control")}, ttl)


def _block(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return {"text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return {"image": _source(url, _IMAGES, f"{where}.image_url.url")}
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
            return {"audio": {"format": form, "source": {"bytes": data}}}
        case {"type": "file", "file": file}:
            if _is_video(file.get("file_data") or ""):
                return {"video": _source(file["file_data"], _VIDEOS, f"{where}.file.file_data")}
            own = {key: part[key] for key in ("citations", "context") if part.get(key) is not None}
            return {"document": {**_document(file, f"{where}.file"), **own}}
    raise UnsupportedFeature(f"Bedrock's models take no '{part['type']}'.", param=where)


def _is_video(url: str) -> bool:
    if url.startswith("s3://"):
        ending = url.rpartition(".")[2].lower()
        return _ENDINGS.get(ending, ending) in _VIDEOS.values()
    return url[:11].lower() == "data:video/"


def _source(url: str, kinds: Mapping[str, str], where: str) -> dict[str, Any]:
    """What a URL holds, or where it lies in AWS's store.

    Raises:
        InvalidRequest: Bedrock cannot get at it, or does not know its kind.
    """
    if url.startswith("s3://"):
        ending = url.rpartition(".")[2].lower()
        form = _ENDINGS.get(ending, ending)
        if form not in kinds.values():
            raise UnsupportedFeature("The end of its name does not say a kind that Bedrock takes.", param=where)
        return {"format": form, "source": {"s3Location": {"uri": url}}}
    data = read_data_url(url, where)
    if data is None:
        raise UnsupportedFeature("Bedrock fetches nothing; send a data: URL, or one of s3.", param=where)
    if data.media_type not in kinds:
        raise UnsupportedFeature(f"Bedrock takes no '{data.media_type}' here.", param=where)
    return {"format": kinds[data.media_type], "source": {"bytes": data.data}}


def _document(file: Mapping[str, Any], where: str) -> dict[str, Any]:
    content = file.get("file_data")
    if not content:
        raise InvalidRequest("The file has no data: URL, and Bedrock keeps none.", param=f"{where}.file_data")
    stem = (file.get("filename") or "").rpartition("/")[2]
    name = " ".join(_NOT_IN_NAMES.sub(" ", stem.rpartition(".")[0] or stem).split())[:_LONGEST_NAME]
    return {"name": name or "document", **_source(content, _DOCUMENTS, f"{where}.file_data")}


def _tell_apart(turns: Sequence[Mapping[str, Any]]) -> None:
    """Documents of one request have names of their own."""
    seen: dict[str, int] = {}
    for turn in turns:
        for block in turn["content"]:
            document = block.get("document") if isinstance(block, Mapping) else None
            if isinstance(document, dict):
                name = document["name"]
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    document["name"] = f"{name} ({seen[name]})"


def _result(message: Mapping[str, Any], where: str, ttl: str | None) -> list[dict[str, Any]]:
    told = _blocks({"content": message["content"]}, where, ttl)
    marks = [block for block in told if "cachePoint" in block][:1] or cache_point(message, ttl)
    content = [block for block in told if "cachePoint" not in block]
    status = {"status": "error"} if message.get("is_error") else {}
    result = {"toolUseId": message["tool_call_id"], "content": content, **status}
    # A mark stands behind the result, since none may stand in it.
    return [{"toolResult": result}, *marks]


def _said(message: Mapping[str, Any], where: str, ttl: str | None) -> list[Any]:
    """A turn of the model's: as it wrote it, or else thoughts, text and calls in this order."""
    turn = in_native_words(message, FORM)
    if turn is not None:
        return turn
    content = message.get("content")
    if content is None and message.get("refusal"):
        content = message["refusal"]
    blocks = [_thought(detail) for detail in thoughts_of(message, FORM)]
    blocks += _blocks({**message, "content": content}, where, ttl)
    for place, call in enumerate(message.get("tool_calls") or ()):
        blocks += [_call(call, f"{where}.tool_calls.{place}"), *cache_point(call, ttl)]
    return blocks


def _thought(detail: Mapping[str, Any]) -> dict[str, Any]:
    if detail.get("type") == "reasoning.encrypted":
        return {"reasoningContent": {"redactedContent": detail.get("data", "")}}
    signed = {"signature": detail["signature"]} if detail.get("signature") else {}
    return {"reasoningContent": {"reasoningText": {"text": detail.get("text", ""), **signed}}}


def _call(call: Mapping[str, Any], where: str) -> dict[str, Any]:
    if call["type"] != "function":
        raise UnsupportedFeature("Bedrock's models call functions alone.", param=where)
    name = call["function"]["name"]
    return {"toolUse": {"toolUseId": call["id"], "name": name, "input": arguments_of(call, where)}}
