"""The conformance suite of :class:`~dinrail_core.api.completions.CompletionModel`."""

from __future__ import annotations

from typing import Any, ClassVar

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.heard import Heard
from dinrail_sdk.testing.operations import COMPLETE_TEXT, STREAM_TEXT, VIEWS, Operation
from dinrail_sdk.testing.script import Say, Spoken, TokenOdds, Tokens
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.chat import WORLD
from dinrail_sdk.testing.suites.streams import StreamCases

__all__ = ["CompletionModelSuite"]


async def hear_all(bench: Bench, **request: Any) -> list[tuple[str, Heard]]:
    """Ask the same in both forms and through both views; each answer with the name of its form and view."""
    found = []
    for operation in (COMPLETE_TEXT, STREAM_TEXT):
        for view in VIEWS:
            objects = await operation.ask(bench, view=view, **request)
            found.append((f"{operation.id}, {view}", operation.hear(objects)))
    return found


class CompletionModelSuite(StreamCases):
    """What a provider of completions must do."""

    covers: ClassVar[tuple[Operation, ...]] = (COMPLETE_TEXT, STREAM_TEXT)

    @case(unscripted=True)
    async def test_text_stream_equals_answer(self, bench: Bench) -> None:
        """A completion has the same content streamed as whole, and says why it ended.

        Troubleshooting: look at the first and the last event; without an upstream, temperature 0 and the seed must make
        two answers equal.
        """
        if bench.scripted:
            bench.upstream.says(Spoken.of(" flows out of the lake of Zürich, and into the Aare."))
        (_, first), *rest = await hear_all(bench)
        for how, heard in rest:
            assert heard.first.text == first.first.text, (
                f"{how}: the text is {heard.first.text!r}, not {first.first.text!r}."
            )
            assert heard.first.finish == first.first.finish, f"{how}: it ended with {heard.first.finish!r}."
            assert len(heard.ids) == 1, f"{how}: the events have different ids: {heard.ids}"

    @case()
    async def test_text_characters(self, bench: Bench) -> None:
        """Text in any script reaches the model and comes back, unchanged to the last character, white space included.

        Troubleshooting: encode as UTF-8 once; never strip: a completion often begins with a blank.
        """
        say = Say(text=f"  {WORLD} \n", piece=1)
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench, marker=f"{WORLD} "):
            heard.first.assert_says(say, how)
        assert bench.upstream.asked.inputs == (f"{WORLD} ",), (
            f"The prompt reached it as {bench.upstream.asked.inputs!r}."
        )

    @case()
    async def test_text_finish_reasons(self, bench: Bench) -> None:
        """Why the model stopped is told as it was.

        Troubleshooting: map your upstream's words to ``stop``, ``length``, ``content_filter``.
        """
        for finish in ("stop", "length", "content_filter"):
            say = Say(text="So far so", finish=finish)
            bench.upstream.says(Spoken(choices=(say,)))
            for how, heard in await hear_all(bench):
                heard.first.assert_says(say, how)

    @case()
    async def test_text_usage(self, bench: Bench) -> None:
        """The whole answer has the upstream's usage, and none where the upstream tells none.

        Troubleshooting: copy the counts; leave the field out where there are none.
        """
        for usage in (Tokens(prompt=29, completion=13), None):
            bench.upstream.says(Spoken(usage=usage))
            for view in VIEWS:
                found = COMPLETE_TEXT.hear(await COMPLETE_TEXT.ask(bench, view=view)).usage
                told = (found["prompt_tokens"], found["completion_tokens"], found["total_tokens"]) if found else None
                assert told == ((29, 13, 42) if usage else None), (
                    f"{view}: the usage is {told}, the upstream told {usage}."
                )

    @case("many_prompts")
    async def test_text_many_prompts(self, bench: Bench) -> None:
        """Several prompts reach the upstream in order, and every one's continuation stands under its index.

        Troubleshooting: the indexes of prompt ``p`` are ``p * n`` to ``p * n + n - 1``.
        """
        says = (Say(text=" one"), Say(text=" two, longer than the others", finish="length"), Say(text=" three"))
        bench.upstream.says(Spoken(choices=says))
        for how, heard in await hear_all(bench, prompt=["a", "b", "c"]):
            assert sorted(heard.choices) == [0, 1, 2], f"{how}: the choices are {sorted(heard.choices)}."
            for index, say in enumerate(says):
                heard.choices[index].assert_says(say, f"{how}, choice {index}")
        assert bench.upstream.asked.inputs == ("a", "b", "c"), f"The prompts arrived as {bench.upstream.asked.inputs}."

    @case("token_prompts")
    async def test_text_token_prompts(self, bench: Bench) -> None:
        """Prompts of tokens reach the upstream as the same tokens, one prompt or several.

        Troubleshooting: a list of integers is one prompt, a list of such lists is several.
        """
        for prompt, due in (([1, 2, 30_000], ((1, 2, 30_000),)), ([[5, 6], [7]], ((5, 6), (7,)))):
            for operation in (COMPLETE_TEXT, STREAM_TEXT):
                await operation.ask(bench, prompt=prompt)
                assert bench.upstream.asked.inputs == due, f"{prompt} arrived as {bench.upstream.asked.inputs}."

    @case("n")
    async def test_text_several_choices(self, bench: Bench) -> None:
        """With ``n`` as many continuations come, each under its index, also where a stream interleaves them.

        Troubleshooting: keep ``index`` of every choice.
        """
        says = (Say(text=" first"), Say(text=" second, which is longer", finish="length"))
        bench.upstream.says(Spoken(choices=says))
        for how, heard in await hear_all(bench, n=2):
            assert sorted(heard.choices) == [0, 1], f"{how}: the choices are {sorted(heard.choices)}."
            for index, say in enumerate(says):
                heard.choices[index].assert_says(say, f"{how}, choice {index}")
        assert bench.upstream.asked.n == 2, f"The upstream was asked for {bench.upstream.asked.n} continuations, not 2."

    @case("logprobs")
    async def test_text_logprobs(self, bench: Bench) -> None:
        """Log-probabilities are asked for, and told for every token, whole and streamed.

        Troubleshooting: here ``logprobs`` is a number; the answer has parallel lists.
        """
        odds = (
            TokenOdds(text=" Yes", logprob=-0.25, others=((" No", -2.5), (" Yes", -0.25))),
            TokenOdds(text="!", logprob=-0.125, others=(("!", -0.125), ("?", -4.0))),
        )
        say = Say(text=" Yes!", odds=odds)
        bench.upstream.says(Spoken(choices=(say,)))
        for how, heard in await hear_all(bench, logprobs=2):
            heard.first.assert_says(say, how)
            assert heard.first.odds == list(odds), f"{how}: the log-probabilities are {heard.first.odds}."
        assert bench.upstream.asked.odds == 2, (
            f"The upstream was asked for {bench.upstream.asked.odds} alternatives, not 2."
        )

    @case("suffix")
    async def test_text_suffix(self, bench: Bench) -> None:
        """The text behind the gap reaches the upstream.

        Troubleshooting: hand ``suffix`` on, or refuse it with ``UnsupportedFeature``.
        """
        await self._settings(bench, suffix=" and thanks.")

    @case("echo")
    async def test_text_echo(self, bench: Bench) -> None:
        """The wish to have the prompt repeated reaches the upstream.

        Troubleshooting: hand ``echo`` on, or refuse it with ``UnsupportedFeature``.
        """
        await self._settings(bench, echo=True)

    @case("sampling")
    async def test_text_sampling(self, bench: Bench) -> None:
        """``temperature`` and ``top_p`` reach the upstream, zero included.

        Troubleshooting: test for absence, not for falsehood.
        """
        await self._settings(bench, temperature=0, top_p=0.25)

    @case("max_tokens")
    async def test_text_limit(self, bench: Bench) -> None:
        """The token limit reaches the upstream.

        Troubleshooting: zero is a limit (with ``echo`` it scores the prompt).
        """
        await self._settings(bench, max_tokens=0)
        await self._settings(bench, max_tokens=17)

    @case("stop")
    async def test_text_stop(self, bench: Bench) -> None:
        """Texts that end the continuation reach the upstream.

        Troubleshooting: ``stop`` is a string or a list.
        """
        await self._settings(bench, stop=["END", "\n\n"])

    @case("seed")
    async def test_text_seed(self, bench: Bench) -> None:
        """The seed reaches the upstream.

        Troubleshooting: zero is a seed.
        """
        await self._settings(bench, seed=0)

    @case()
    async def test_text_nothing_made_up(self, bench: Bench) -> None:
        """What the request leaves out is not made up.

        Troubleshooting: dump requests without absent fields.
        """
        for operation in (COMPLETE_TEXT, STREAM_TEXT):
            await operation.ask(bench, temperature=None, seed=None, max_tokens=None, logit_bias=None)
            settings = bench.upstream.asked.settings
            made_up = {name: settings[name] for name in settings.keys() - bench.upstream.dialect.always_sends}
            assert not made_up, f"{operation.id}: settings were made up: {made_up}"

    async def _settings(self, bench: Bench, **sent: Any) -> None:
        for operation in (COMPLETE_TEXT, STREAM_TEXT):
            await operation.ask(bench, **sent)
            got = {name: bench.upstream.asked.settings.get(name) for name in sent}
            assert got == sent, f"{operation.id}: {sent} reached the upstream as {got}."
