"""Messages of a chat as Gemini's contents. Pure, over JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_sdk.translation import arguments_of, in_native_words, joined_text, parts_of, read_data_url, thoughts_of

__all__ = ["FORM", "MADE_ID", "in_contents", "instructions"]

FORM = "google-gemini-v1"
"""Whose signatures and parts are ours; OpenRouter's name for them."""

MADE_ID = "call_made_"
"""How ids begin that were made for calls which came without; Gemini is not told of them."""

_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mp3"}
_ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "mov": "video/mov",
    "webm": "video/webm",
}
"""What a file is by the end of its name: Vertex AI wants to be told, and a request has no word for it."""


def instructions(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All instructions, as parts; Gemini takes them in one place, before the conversation."""
    told = [message for message in messages if message["role"] in ("system", "developer")]
    return [{"text": part["text"]} for message in told for part in parts_of(message["content"])]


def in_contents(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The conversation; results of tools of one turn stand in one content.

    Raises:
        InvalidRequest: A message cannot be told to Gemini.
    """
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    results: list[dict[str, Any]] | None = None
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        match message["role"]:
            case "tool":
                if results is None:
                    results = []
                    contents.append({"role": "user", "parts": results})
                results.append(_result(message, names, where))
                continue
            case "user":
                parts = [_part(part, f"{where}.content.{at}") for at, part in enumerate(parts_of(message["content"]))]
                contents.append({"role": "user", "parts": parts})
            case "assistant":
                contents.append({"role": "model", "parts": _said(message, names, where)})
            case "function":
                raise UnsupportedFeature(
                    "This provider takes results of tools in messages of the role 'tool'.", param=where
                )
        results = None
    return contents


def _part(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return _media(url, f"{where}.image_url.url")
        case {"type": "input_audio", "input_audio": {"data": str(sound), "format": str(form)}}:
            return {"inlineData": {"mimeType": _SOUNDS[form], "data": sound}}
        case {"type": "file", "file": {"file_data": str(data)}}:
            return _media(data, f"{where}.file.file_data")
        case {"type": "file", "file": {"file_id": str(uri)}}:
            return _file(uri)
    raise InvalidRequest("The file has neither an id nor a data: URL.", param=where)


def _media(url: str, where: str) -> dict[str, Any]:
    data = read_data_url(url, where)
    if data is None:
        return _file(url)
    return {"inlineData": {"mimeType": data.media_type, "data": data.data}}


def _file(uri: str) -> dict[str, Any]:
    kind = _ENDINGS.get(urlsplit(uri).path.rpartition(".")[2].lower())
    return {"fileData": {"fileUri": uri, **({"mimeType": kind} if kind else {})}}


def _result(message: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict[str, Any]:
    call = message["tool_call_id"]
    if call not in names:
        raise InvalidRequest("No call before this message has this id.", param=f"{where}.tool_call_id")
    text = "\n".join(part["text"] for part in parts_of(message["content"]))
    told = {"name": names[call], "response": {"error" if message.get("is_error") else "output": text}}
    return {"functionResponse": told if call.startswith(MADE_ID) else {"id": call, **told}}


def _said(message: Mapping[str, Any], names: dict[str, str], where: str) -> list[Any]:
    """A turn of the model's: as it wrote it, or else text and calls, each with its signature."""
    calls = [_call(call, f"{where}.tool_calls.{at}") for at, call in enumerate(message.get("tool_calls") or ())]
    for call in message.get("tool_calls") or ():
        names[call["id"]] = call["function"]["name"]
    turn = in_native_words(message, FORM)
    if turn is not None:
        return turn
    signatures = thoughts_of(message, FORM)
    of_call = {str(detail["id"]): detail.get("data") for detail in signatures if detail.get("id")}
    of_text = [detail for detail in signatures if not detail.get("id")]
    parts = _text_parts(joined_text(message.get("content") or message.get("refusal")), of_text)
    for call, part in zip(message.get("tool_calls") or (), calls, strict=True):
        if call["id"] in of_call:
            part["thoughtSignature"] = of_call[call["id"]]
    return [*parts, *calls]


def _text_parts(text: str, signatures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The text, and its signature where it was: on the text itself, or on an empty one behind it."""
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    for detail in signatures:
        if parts and detail.get("index") == 0:
            parts[0]["thoughtSignature"] = detail.get("data")
        else:
            parts.append({"text": "", "thoughtSignature": detail.get("data")})
    return parts


def _call(call: Mapping[str, Any], where: str) -> dict[str, Any]:
    if call["type"] != "function":
        raise UnsupportedFeature("Gemini calls functions alone.", param=where)
    made = {"name": call["function"]["name"], "args": arguments_of(call, where)}
    return {"functionCall": made if call["id"].startswith(MADE_ID) else {"id": call["id"], **made}}
