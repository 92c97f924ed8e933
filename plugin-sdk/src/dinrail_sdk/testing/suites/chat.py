"""The conformance suite of :class:`~dinrail_core.api.chat.contract.ChatModel`."""

from __future__ import annotations

from typing import Any, ClassVar

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.heard import Heard
from dinrail_sdk.testing.operations import COMPLETE, STREAM, VIEWS, Operation
from dinrail_sdk.testing.script import Say, Spoken, TokenOdds, Tokens
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.chat_faults import ChatFaultCases
from dinrail_sdk.testing.suites.chat_requests import ChatRequestCases

__all__ = ["WORLD", "ChatModelSuite"]

WORLD = "Grüezi! 你好, 🌍👩‍👩‍👧‍👦 e\u0301 “quoted” \\ back\nslash\t\u2028end"
"""Characters of one to four bytes, joined ones, and what JSON escapes."""


async def hear_all(bench: Bench, **request: Any) -> list[tuple[str, Heard]]:
    """Ask the same in both forms and through both views; each answer with the name of its form and view."""
    found = []
    for operation in (COMPLETE, STREAM):
        for view in VIEWS:
            objects = await operation.ask(bench, view=view, **request)
            found.append((f"{operation.id}, {view}", operation.hear(objects)))
    return found


class ChatModelSuite(ChatFaultCases, ChatRequestCases):
    """What a provider of chats must do."""

    covers: ClassVar[tuple[Operation, ...]] = (COMPLETE, STREAM)

    @case(unscripted=True)
    async def test_chat_stream_equals_answer(self, bench: Bench) -> None:
        """A chat has the same content streamed as whole, and says its role and why it ended.

        Troubleshooting: look at the first and the last event; without an upstream, temperature 0 and the seed must make
        two answers equal.
        """
        if bench.scripted:
            bench.upstream.says(Spoken.of("The Limmat flows out of the lake of Zürich, and into the Aare."))
        (_, first), *rest = await hear_all(bench)
        for how, heard in [("chat.complete, bytes", first), *rest]:
            assert heard.first.role == "assistant", f"{how}: the role is {heard.first.role!r}."
            assert heard.first.text == first.first.text, (
                f"{how}: the text is {heard.first.text!r}, not {first.first.text!r}."
            )
            assert heard.first.finish == first.first.finish, f"{how}: it ended with {heard.first.finish!r}."
            assert len(heard.ids) == 1, f"{how}: the events have different ids: {heard.ids}"

    @case()
    async def test_chat_characters(self, bench: Bench) -> None:
        """Text in any script reaches the model and comes back, unchanged to the last character.

        Troubleshooting: encode as UTF-8 once; escape only as JSON does; never normalise or strip.
        """
        say = Say(text=WORLD, piece=1)
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench, marker=WORLD):
            heard.first.assert_says(say, how)
        assert bench.upstream.asked.messages[-1].text == WORLD, "The user's text reached the upstream changed."

    @case()
    async def test_chat_finish_reasons(self, bench: Bench) -> None:
        """Why the model stopped is told as it was: a natural end, the token limit, a filter.

        Troubleshooting: map your upstream's words to OpenAI's (``stop``, ``length``, ``content_filter``); a client that
        is told ``stop`` takes a cut answer for a whole one.
        """
        for finish in ("stop", "length", "content_filter"):
            say = Say(text="So far so", finish=finish)
            bench.upstream.says(Spoken(choices=(say,)))
            for how, heard in await hear_all(bench):
                heard.first.assert_says(say, how)

    @case()
    async def test_chat_empty_answer(self, bench: Bench) -> None:
        """A model that says nothing gives an empty answer that ends well.

        Troubleshooting: test for ``None``, not for emptiness; a stream without text still has its last event.
        """
        say = Say(text="")
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench):
            heard.first.assert_says(say, how)

    @case()
    async def test_chat_usage(self, bench: Bench) -> None:
        """The whole answer has the upstream's usage, details included.

        Troubleshooting: copy the counts; add nothing up that the upstream has not.
        """
        bench.upstream.says(Spoken(usage=Tokens(prompt=29, completion=13)))
        for view in VIEWS:
            usage = COMPLETE.hear(await COMPLETE.ask(bench, view=view)).usage
            assert usage is not None, f"{view}: there is no usage."
            told = (usage.get("prompt_tokens"), usage.get("completion_tokens"), usage.get("total_tokens"))
            assert told == (29, 13, 42), f"{view}: the usage is {told}, the upstream told (29, 13, 42)."

    @case("usage_details")
    async def test_chat_usage_details(self, bench: Bench) -> None:
        """Cached and reasoning tokens are told where the upstream tells them.

        Troubleshooting: ``prompt_tokens_details.cached_tokens`` and ``completion_tokens_details.reasoning_tokens``.
        """
        bench.upstream.says(Spoken(usage=Tokens(prompt=29, completion=13, cached=16, reasoning=5)))
        for view in VIEWS:
            usage = COMPLETE.hear(await COMPLETE.ask(bench, view=view)).usage or {}
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
            reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
            assert (cached, reasoning) == (16, 5), (
                f"{view}: cached {cached}, reasoning {reasoning}; told were 16 and 5."
            )

    @case()
    async def test_chat_usage_not_invented(self, bench: Bench) -> None:
        """A whole answer has no usage where the upstream tells none.

        Troubleshooting: leave the field out; a guessed number looks like a measured one on somebody's bill.
        """
        bench.upstream.says(Spoken(usage=None))
        for view in VIEWS:
            usage = COMPLETE.hear(await COMPLETE.ask(bench, view=view)).usage
            assert usage is None, f"{view}: the upstream told no usage, the answer tells {usage}."

    @case("logprobs")
    async def test_chat_logprobs(self, bench: Bench) -> None:
        """Log-probabilities are asked for, and told for every token with its alternatives, whole and streamed.

        Troubleshooting: hand ``logprobs`` and ``top_logprobs`` on; in a stream they stand in each event's choice.
        """
        odds = (
            TokenOdds(text="Yes", logprob=-0.25, others=(("No", -2.5), ("Yes", -0.25))),
            TokenOdds(text=", sir", logprob=-1.5, others=((", sir", -1.5), (".", -3.0))),
            TokenOdds(text="!", logprob=-0.125, others=(("!", -0.125), ("?", -4.0))),
        )
        say = Say(text="Yes, sir!", odds=odds)
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench, logprobs=True, top_logprobs=2):
            heard.first.assert_says(say, how)
            assert heard.first.odds == list(odds), f"{how}: the log-probabilities are {heard.first.odds}."
        assert bench.upstream.asked.odds == 2, (
            f"The upstream was asked for {bench.upstream.asked.odds} alternatives, not 2."
        )

    @case("n")
    async def test_chat_several_choices(self, bench: Bench) -> None:
        """With ``n`` as many answers come, each under its index, also where a stream interleaves them.

        Troubleshooting: keep ``index`` of every choice; do not look at ``choices[0]`` alone.
        """
        says = (Say(text="First."), Say(text="The second one is longer.", finish="length"), Say(text="Third, at last."))
        bench.upstream.says(Spoken(choices=says))
        for how, heard in await hear_all(bench, n=3):
            assert sorted(heard.choices) == [0, 1, 2], f"{how}: the choices are {sorted(heard.choices)}."
            for index, say in enumerate(says):
                heard.choices[index].assert_says(say, f"{how}, choice {index}")
        assert bench.upstream.asked.n == 3, f"The upstream was asked for {bench.upstream.asked.n} answers, not 3."

    @case("reasoning")
    async def test_chat_reasoning(self, bench: Bench) -> None:
        """What the model thinks before it answers is handed on beside the answer, whole and streamed.

        Troubleshooting: ``reasoning_content`` (or ``reasoning``) of the message and of the deltas; not part of
        ``content``.
        """
        say = Say(text="42.", reasoning="Let me think: six times seven…")
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench):
            heard.first.assert_says(say, how)

    @case("refusals")
    async def test_chat_refusal(self, bench: Bench) -> None:
        """A refusal of the model stands in ``refusal``, not in the text.

        Troubleshooting: keep the field of the message and of the deltas.
        """
        say = Say(text=None, refusal="I would rather not.")
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench):
            heard.first.assert_says(say, how)

    @case(unscripted=True)
    async def test_chat_whole_or_streamed(self, bench: Bench) -> None:
        """The method decides whether the answer is streamed, not ``request.stream``.

        Troubleshooting: set ``stream`` of what is sent; the agent loop and batches pass requests on as they came.
        """
        whole = COMPLETE.hear(await COMPLETE.ask(bench, stream=True, stream_options={"include_usage": True}))
        assert whole.first.text, "`complete` with `stream: true` in the request gives no text."
        for stream in (False, None):
            streamed = STREAM.hear(await STREAM.ask(bench, stream=stream))
            assert streamed.first.text, f"`stream` with `stream: {stream}` in the request gives no text."
