"""From what an upstream of the Responses API says to items and events: pure, as its counterpart for chats."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from dinrail_core.api.items.keeping import read_item
from dinrail_core.errors import UpstreamFailed, UpstreamInvalid
from dinrail_responses.native_input import said_again
from dinrail_responses.native_writers import (
    CallListener,
    HostedListener,
    Listener,
    MessageListener,
    OpenThoughtListener,
    ThoughtListener,
)
from dinrail_responses.reduce import Manner, Step, usable_call_id
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import Json, ModelCall
from dinrail_responses.writers import CallWriter, MessageWriter, ReasoningWriter

__all__ = ["NativeReducer"]

_ADDED, _DONE = "response.output_item.added", "response.output_item.done"
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OF_MESSAGES = ("type", "id", "status", "role", "content")


class NativeReducer:
    """Reduces the events of one answer; a whole answer is the event that ends it.

    Items of the upstream's own tools, and thoughts, keep their ids, to which what is encrypted in them may be bound.
    All other ids, the places of items and the numbers of events are this server's.

    Args:
        scribe: Where it is written down.
        manner: How it is told.
        plain: See :attr:`NativeResponses.plain`: thoughts come in the open, and are written as those of chats are.

    Attributes:
        owner: The instance that answers, which alone can read what it encrypts; set before it is heard.
    """

    def __init__(self, scribe: Scribe, manner: Manner, *, plain: bool = False) -> None:
        self._scribe = scribe
        self._manner = manner
        self._plain = plain
        self._heard: dict[int, Listener | None] = {}
        self._done: dict[int, Json] = {}
        self._step = Step()
        self._ended = False
        self.owner = ""

    def feed(self, event: Json) -> None:
        """Take in an event, as it stands on the wire.

        Raises:
            UpstreamFailed: It says that the upstream failed.
            UpstreamInvalid: It is no event.
        """
        try:
            self._feed(event)
        except (AttributeError, KeyError, TypeError, ValidationError) as error:
            raise UpstreamInvalid("The upstream's event has not the shape of one.") from error

    def end(self) -> Step:
        """Nothing follows: say what came of it.

        Raises:
            UpstreamInvalid: The upstream has not said how it ended.
        """
        if not self._ended:
            raise UpstreamInvalid("The upstream ended the stream before the response was finished.")
        if not self._heard:
            MessageWriter(self._scribe, self._manner.new_id, self._manner.citations).close(
                "incomplete" if self._step.reason else "completed"
            )
        self._step.said = {"items": said_again([self._done[index] for index in sorted(self._done)], self.owner)}
        return self._step

    def abort(self) -> None:
        """The upstream failed, or nobody waits any more: close what is open as incomplete."""
        for index, listener in self._heard.items():
            if listener is not None and index not in self._done:
                self._done[index] = {}
                listener.abort()

    def _feed(self, event: Json) -> None:
        kind = event["type"]
        if kind in _ENDS:
            self._end(kind, event["response"])
            return
        index = event.get("output_index")
        if index is None or index in self._done:
            return
        if kind == _ADDED:
            if index not in self._heard:
                self._heard[index] = self._listener(event["item"])
        elif kind == _DONE:
            self._item(index, event["item"])
        else:
            listener = self._heard.get(index)
            if listener is not None:
                listener.hear(kind, event)

    def _item(self, index: int, item: Json) -> None:
        if index not in self._heard:
            begun = {**item, "status": "in_progress"} if "status" in item else item
            self._heard[index] = self._listener(begun)
        listener = self._heard[index]
        if item["type"] not in ("message", *_CALLS):
            read_item(to_json({"id": "", **item}))  # it is kept, and so must be readable
        if listener is None:
            self._call(item)
        else:
            listener.done(item)
        self._done[index] = item
        if isinstance(listener, HostedListener) and item["type"].endswith("_call"):
            self._step.hosted += 1

    def _listener(self, item: Json) -> Listener | None:
        manner, kind = self._manner, item["type"]
        if kind == "message":
            more = {name: value for name, value in item.items() if name not in _OF_MESSAGES}
            writer = MessageWriter(self._scribe, manner.new_id, manner.citations, more)
            return MessageListener(writer, logprobs=manner.logprobs)
        if kind == "reasoning" and self._plain:
            return OpenThoughtListener(
                lambda: ReasoningWriter(self._scribe, manner.new_id, summary=manner.summary, seal=manner.seal)
            )
        if kind == "reasoning":
            item_id = item.get("id") or manner.new_id(kind)
            sealed_by = self.owner if manner.seal is not None else None
            return ThoughtListener(self._scribe, item, item_id, sealed_by=sealed_by)
        if kind not in _CALLS:
            owner = self.owner if kind == "compaction" else None
            return HostedListener(self._scribe, item, manner.new_id, sealed_by=owner)
        offer = manner.offers.get(item["name"])
        if offer is None or offer.caller_runs is None:
            return None
        self._step.waits = True
        runs = offer.caller_runs
        call = CallWriter(self._scribe, manner.new_id, runs, usable_call_id(item["call_id"], manner.new_id))
        return CallListener(call, _CALLS[kind], wrapped=kind == "function_call" != runs.item)

    def _call(self, item: Json) -> None:
        """A call that is not the caller's to run; names that the model made up are answered to it."""
        arguments: Any = item[_CALLS[item["type"]]]
        self._step.calls.append(ModelCall(id=item["call_id"], name=item["name"], arguments=arguments))

    def _end(self, kind: str, response: Json) -> None:
        if kind == "response.failed" or response.get("status") == "failed":
            told = (response.get("error") or {}).get("message")
            raise UpstreamFailed(told if isinstance(told, str) else "The upstream failed to make the response.")
        for index, item in enumerate(response.get("output") or ()):
            if index not in self._done:
                self._item(index, item)
        self._ended = True
        if response.get("usage"):
            self._step.usage = response["usage"]
        if isinstance(response.get("service_tier"), str):
            self._step.service_tier = response["service_tier"]
        if response.get("status") == "incomplete" or kind == "response.incomplete":
            self._step.reason = (response.get("incomplete_details") or {}).get("reason") or "max_output_tokens"
