"""What Gemini answers, in OpenAI's words, whole and event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.errors import ContentFiltered
from dinrail_gemini.candidates import Candidate
from dinrail_sdk.translation import Chunks
from dinrail_sdk.upstream import ReportedError

__all__ = ["GenerateReducer", "read_answer"]

_KNOWN = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback"})

_COUNTS = frozenset(
    {"promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"}
    | {"totalTokenCount", "cachedContentTokenCount"}
)
"""Of the usage, what is translated; the rest (kinds of tokens, the tier) is handed on."""


def read_answer(answer: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer as a chat completion.

    Args:
        answer: What ``generateContent`` said.
        about: ``id``, ``created`` and ``model`` for what Gemini does not tell.

    Raises:
        ContentFiltered: The prompt was blocked.
    """
    candidates = answer.get("candidates")
    if not candidates:
        _check_feedback(answer)
        raise ValueError("an answer has a candidate")
    known = _about(answer, about)
    told = _usage(answer.get("usageMetadata"))
    return {
        **_unknown(answer),
        "object": "chat.completion",
        **known,
        "choices": [_choice(candidate, known["id"], place) for place, candidate in enumerate(candidates)],
        **({} if told is None else {"usage": told}),
    }


def _choice(candidate: Mapping[str, Any], id: str, place: int) -> dict[str, Any]:
    index = candidate.get("index", place)
    reader = Candidate(id, index)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for delta in reader.add(candidate):
        for name, value in delta.items():
            message[name] = (message.get(name) or type(value)()) + value
    finish, last, more = reader.end(candidate["finishReason"])
    if message.get("tool_calls"):
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in message["tool_calls"]
        ]
    elif message["content"] is None:
        message["content"] = ""
    odds = _odds(candidate)
    logprobs = {"content": odds, "refusal": None} if odds else None
    return {"index": index, "message": message | last, "finish_reason": finish, "logprobs": logprobs, **more}


class GenerateReducer:
    """One streamed answer; see :class:`~dinrail_sdk.translation.Reducer`.

    Args:
        about: As for :func:`read_answer`.
        usage: Whether the stream is to tell it.
        choices: How many candidates were asked for.
    """

    def __init__(self, about: Mapping[str, Any], *, usage: bool, choices: int = 1) -> None:
        self.finished = False
        self.done = False
        self._about = about
        self._wanted = usage
        self._open = choices
        self._to: dict[int, tuple[Chunks, Candidate]] = {}
        self._ended: set[int] = set()
        self._usage: Mapping[str, Any] = {}

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`~dinrail_sdk.translation.Reducer.feed`."""
        if "error" in event:
            raise ReportedError(event)
        extra: Mapping[str, Any] = {}
        if not event.keys() <= _KNOWN:
            extra = _unknown(event)
        if not self._to:
            self._about = _about(event, self._about)
        if event.get("usageMetadata"):
            self._usage = event["usageMetadata"]
        candidates = event.get("candidates") or ()
        if isinstance(candidates, str):
            raise TypeError("candidates are a list")
        if not candidates and not self._to:
            _check_feedback(event)
        frames = [frame for candidate in candidates for frame in self._take(candidate, extra)]
        if candidates and self.finished and self._wanted and (told := _usage(self._usage)) is not None:
            self._wanted = False
            frames.append(self._to[min(self._to)][0].usage(told, extra))
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _take(self, candidate: Mapping[str, Any], extra: Mapping[str, Any]) -> list[bytes]:
        index = candidate.get("index", 0)
        if index in self._ended:
            return []
        frames = []
        if index not in self._to:
            chunks = Chunks(self._about["id"], self._about["model"], self._about["created"], index)
            self._to[index] = chunks, Candidate(self._about["id"], index)
            frames.append(chunks.delta({"role": "assistant", "content": ""}, extra))
        chunks, reader = self._to[index]
        odds = _odds(candidate) if "logprobsResult" in candidate else []
        deltas = reader.add(candidate)
        if odds:
            first = deltas.pop(0) if deltas else {}
            frames.append(chunks.delta(first, extra, {"logprobs": {"content": odds, "refusal": None}}))
        for delta in deltas:
            plain = not extra and len(delta) == 1 and "content" in delta
            frames.append(chunks.text(delta["content"]) if plain else chunks.delta(delta, extra))
        if candidate.get("finishReason"):
            finish, last, more = reader.end(candidate["finishReason"])
            frames.append(chunks.finish(finish, more, last, extra))
            self._ended.add(index)
            self.finished = len(self._ended) >= self._open
        return frames


def _about(answer: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": answer.get("responseId") or about["id"],
        "created": about["created"],
        "model": answer.get("modelVersion") or about["model"],
    }


def _check_feedback(answer: Mapping[str, Any]) -> None:
    """Raise what a prompt that was blocked means."""
    feedback = answer.get("promptFeedback") or {}
    reason = feedback.get("blockReason")
    if reason:
        said = feedback.get("blockReasonMessage")
        raise ContentFiltered(f"Gemini blocked the prompt ({reason}){f': {said}' if said else '.'}")


def _odds(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = candidate.get("logprobsResult") or {}
    others = found.get("topCandidates") or ()
    return [
        {
            **_token(token),
            "top_logprobs": [_token(other) for other in others[place].get("candidates") or ()]
            if place < len(others)
            else [],
        }
        for place, token in enumerate(found.get("chosenCandidates") or ())
    ]


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    text = token["token"]
    return {"token": text, "logprob": token["logProbability"], "bytes": list(text.encode())}


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Tokens; thoughts are counted beside the answer, and results of Google's own tools beside the prompt."""
    if not usage:
        return None
    prompt = (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0)
    thoughts = usage.get("thoughtsTokenCount")
    said = (usage.get("candidatesTokenCount") or 0) + (thoughts or 0)
    total = usage.get("totalTokenCount")
    found: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said if total is None else total,
    }
    read = {"cached_tokens": usage.get("cachedContentTokenCount"), "audio_tokens": _sound(usage, "promptTokensDetails")}
    written = {"reasoning_tokens": thoughts, "audio_tokens": _sound(usage, "candidatesTokensDetails")}
    for name, details in (("prompt_tokens_details", read), ("completion_tokens_details", written)):
        if told := {key: value for key, value in details.items() if value is not None}:
            found[name] = told
    return found | {key: value for key, value in usage.items() if key not in _COUNTS}


def _sound(usage: Mapping[str, Any], name: str) -> int | None:
    """The tokens of sound, where the kinds are told apart."""
    return next((one.get("tokenCount") for one in usage.get(name) or () if one.get("modality") == "AUDIO"), None)


def _unknown(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in _KNOWN}
