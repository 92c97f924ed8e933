from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_transformers.forms import Call, calls_in, form_of
from dinrail_transformers.plugin import CallForm
from dinrail_transformers.reading import Piece, Reader, StopTexts
from dinrail_transformers.spelling import Speller

BERN = Call("weather", '{"place": "Bern"}')
JSON = '{"name": "weather", "arguments": {"place": "Bern"}}'


@pytest.mark.parametrize(
    ("form", "text", "calls"),
    [
        ("hermes", f"\n{JSON}\n", [BERN]),
        ("hermes", JSON.replace('{"place": "Bern"}', '"{\\"place\\": \\"Bern\\"}"'), [BERN]),
        ("hermes", "<function=weather>\n<parameter=place>\nBern\n</parameter>\n</function>", [BERN]),
        ("hermes", "<function=f><parameter=n>\n3\n</parameter></function>", [Call("f", '{"n": 3}')]),
        ("hermes", "<function=f>\n</function>", [Call("f", "{}")]),
        ("hermes", '{"name": "weather", "arguments"', None),
        ("hermes", '{"name": "weather"}', None),
        ("hermes", '{"name": "weather", "arguments": [1]}', None),
        ("hermes", "[1, 2]", None),
        ("mistral", f"[{JSON}, {JSON}]", [BERN, BERN]),
        ("mistral", f"[{JSON}] and more", None),
        ("mistral", 'weather[ARGS]{"place": "Bern"}[TOOL_CALLS]f[CALL_ID]abc[ARGS]{}', [BERN, Call("f", "{}")]),
        ("mistral", "weather", None),
        ("llama", JSON.replace("arguments", "parameters"), [BERN]),
        ("llama", f"{JSON}; {JSON}", [BERN, BERN]),
        ("llama", '{"answer": 42}', None),
        ("none", JSON, None),
    ],
)
def test_calls_are_read_in_every_form_and_never_guessed(form: CallForm, text: str, calls: list[Call] | None) -> None:
    assert calls_in(text, form) == calls


@pytest.mark.parametrize(
    ("template", "form"),
    [
        ("{{ messages }}", "none"),
        ("{% for tool in tools %}… <tool_call>", "hermes"),
        ("{{ tools }}[TOOL_CALLS]", "mistral"),
        ("{{ tools }}<|python_tag|>", "llama"),
        ('{{ tools }} {"name": x, "parameters": y}', "llama"),
        ("{{ tools }} something new", "none"),
    ],
)
def test_the_form_is_seen_by_the_template(template: str, form: CallForm) -> None:
    assert form_of(template) == form


def read(pieces: Sequence[str], form: CallForm = "none", *, thinking: bool = False) -> tuple[str, str, list[Call]]:
    """The text, the thoughts and the calls of an answer that came in pieces."""
    reader = Reader(form, thinks=True, thinking=thinking)
    found: list[Piece] = [piece for text in pieces for piece in reader.feed(text)] + reader.rest()
    calls = [piece.call for piece in found if piece.call is not None]
    assert reader.calls == len(calls)
    return "".join(one.text for one in found), "".join(one.thought for one in found), calls


@pytest.mark.parametrize(
    ("text", "form", "said", "thoughts", "calls"),
    [
        ("Hello, <b>.", "none", "Hello, <b>.", "", []),
        ("<think>\nHm.\n</think>\n\n42.", "none", "42.", "Hm.\n", []),
        ("Not at the start: <think>.", "none", "Not at the start: <think>.", "", []),
        ("<think>never ends", "none", "", "never ends", []),
        (f"Look.\n<tool_call>{JSON}</tool_call>\n<tool_call>{JSON}</tool_call>", "hermes", "Look.\n", "", [BERN, BERN]),
        (f"<think>Hm.</think><tool_call>{JSON}</tool_call>", "hermes", "", "Hm.", [BERN]),
        (f"<tool_call>{JSON}", "hermes", "", "", [BERN]),
        ("<tool_call>{half", "hermes", "<tool_call>{half", "", []),
        ("<tool_call>{half</tool_call> so", "hermes", "<tool_call>{half</tool_call> so", "", []),
        (f"<tool_call>{JSON}</tool_call>", "none", f"<tool_call>{JSON}</tool_call>", "", []),
        (f"Look. [TOOL_CALLS][{JSON}]", "mistral", "Look. ", "", [BERN]),
        (f"\n{JSON}", "llama", "", "", [BERN]),
        (f"<|python_tag|>{JSON}", "llama", "", "", [BERN]),
        ('{"answer": 42}', "llama", '{"answer": 42}', "", []),
        (f"So: {JSON}", "llama", f"So: {JSON}", "", []),
        ("a < b and <tool", "hermes", "a < b and <tool", "", []),
    ],
)
def test_an_answer_is_taken_apart_however_it_is_cut(
    text: str, form: CallForm, said: str, thoughts: str, calls: list[Call]
) -> None:
    assert read([text], form) == (said, thoughts, calls)
    assert read(tuple(text), form) == (said, thoughts, calls)


def test_thoughts_that_the_prompt_began_end_at_their_mark() -> None:
    assert read(["Hm.</think>\n\n42."], thinking=True) == ("42.", "Hm.", [])
    assert read(["Hm."], thinking=True) == ("", "Hm.", [])


PARTS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", JSON, "\n", " a", "{"]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=8), st.sampled_from(get_args(CallForm)))
def test_any_answer_is_read_alike_whole_and_in_pieces_and_loses_no_word(parts: list[str], form: CallForm) -> None:
    text = "".join(parts)
    whole = read([text], form)
    assert read(parts, form) == whole
    assert read(tuple(text), form) == whole
    if not whole[2]:  # nothing is lost but the marks of thoughts, and line ends beside them
        bare = text.replace("<think>", "").replace("</think>", "")
        kept = (whole[1] + whole[0]).replace("<think>", "").replace("</think>", "")
        assert sorted(bare.replace("\n", "")) == sorted(kept.replace("\n", ""))


@given(
    st.lists(st.text(alphabet="abE", max_size=4), max_size=6), st.lists(st.text(alphabet="abE", min_size=1), max_size=3)
)
def test_a_text_ends_before_the_stop_that_is_complete_first_however_it_is_cut(
    parts: list[str], stops: list[str]
) -> None:
    text = "".join(parts)
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    due = text[: min(found)[1]] if found else text
    for cut in ([text], parts, list(text)):
        ends = StopTexts(stops)
        assert "".join([*(ends.feed(part) for part in cut), ends.rest()]) == due
        assert ends.stopped == bool(found)


def test_half_a_character_waits_for_its_other_half() -> None:
    said = list("Grüezi 🌍".encode())
    speller = Speller(lambda tokens: bytes(tokens).decode(errors="replace"))
    pieces = [speller.feed(byte) for byte in said]
    assert "".join(pieces) == "Grüezi 🌍"
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)
    assert speller.feed(0xF0) == ""
    assert speller.rest() == "\N{REPLACEMENT CHARACTER}"
