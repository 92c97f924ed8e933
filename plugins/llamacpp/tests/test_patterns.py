from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinrail_llamacpp import patterns
from dinrail_llamacpp.patterns import PatternProblem, translate

FEW = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow], deadline=None)


BLANKS = "\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff"


def plain(character: str) -> str:
    return re.escape(character)


ATOMS = st.one_of(
    st.sampled_from(["a", "Z", "7", "-", "/", ":", " ", "é", "€"]).map(plain),
    st.sampled_from([r"\d", r"\w", r"\s", r"\S", r"\D", r"\W", ".", r"\x41", r"\u00e9"]),
    st.sampled_from(["[abc]", "[a-z0-9]", "[^a]", r"[\d.]", r"[^\w]", r"[\]x-]", '["a]', r"[^\s,]"]),
)
REPEATED = st.tuples(ATOMS, st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{2,}", "+?"])).map("".join)
PATTERNS = st.recursive(
    st.lists(REPEATED, min_size=1, max_size=4).map("".join),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        inner.map(lambda one: f"(?:{one}){{1,2}}"),
    ),
    max_leaves=4,
)


def matching(translated: str) -> st.SearchStrategy[str]:
    """Texts that a translated pattern matches."""
    return st.from_regex(translated.removeprefix("^").removesuffix("$"), fullmatch=True)


@pytest.fixture(autouse=True, scope="module")
def _few_characters() -> Iterator[None]:
    """Of all characters a few, since drawing from whole planes of them takes long."""
    with pytest.MonkeyPatch.context() as patch:
        few = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0xE9, 0xE9), (0x20AC, 0x20AC)]
        patch.setattr(patterns, "_WRITABLE", few)
        yield


@FEW
@given(st.data(), PATTERNS, st.booleans())
def test_what_the_translation_matches_the_original_matches(data: st.DataObject, pattern: str, whole: bool) -> None:
    text = data.draw(matching(translate(pattern, whole=whole)))
    # In JSON Schema, as in ASCII mode here, the shorthands are about ASCII.
    assert (re.fullmatch if whole else re.search)(pattern, text, re.ASCII)


@FEW
@given(st.data(), PATTERNS)
def test_what_the_translation_matches_needs_no_escape_in_json(data: st.DataObject, pattern: str) -> None:
    text = data.draw(matching(translate(pattern, whole=True)))
    assert not re.search(r'["\\\x00-\x1f]', text)


@pytest.mark.parametrize("pattern", ["^abc$", "abc", "^a|b$", r"^\d{5}(-\d{4})?$", "(?:x|y)+", ""])
@pytest.mark.parametrize("text", ["abc", "xxabcyy", "a", "b", "12345-6789", "xy", ""])
def test_a_text_that_can_be_written_is_matched_as_before(pattern: str, text: str) -> None:
    assert bool(re.fullmatch(translate(pattern), text)) == bool(re.search(pattern, text))


@pytest.mark.parametrize(
    "pattern", [r"\bword\b", r"(?=a)b", r"(?i)a", r"\p{L}", r"(a)\1", "a(", "[a", "*a", "a{2,1}", "a\\"]
)
def test_what_cannot_be_followed_is_said(pattern: str) -> None:
    with pytest.raises(PatternProblem):
        translate(pattern)


@pytest.mark.parametrize(
    ("pattern", "characters"),
    [(r"^\S$", BLANKS), (r"^[^\s]$", BLANKS), (r"^[\S]$", BLANKS), ("^.$", "\u2028\u2029")],
)
def test_blanks_and_line_ends_are_left_out_where_the_pattern_leaves_them_out(
    pattern: str, characters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "_WRITABLE", [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0xFFFF)])
    translated = translate(pattern)
    assert re.fullmatch(translated, "x")
    assert not [character for character in characters if re.fullmatch(translated, character)]


@pytest.mark.parametrize("pattern", ['"', r"\\", r"\n", '["]', r"[\n\t]", "a^b", "a$b"])
def test_what_cannot_be_written_is_said(pattern: str) -> None:
    with pytest.raises(PatternProblem):
        translate(pattern)


def test_only_classes_literals_groups_and_repetitions_are_left() -> None:
    assert re.fullmatch(
        r"\^\((?:\\u[0-9a-f]{4}|[\[\]()|*+?-]|\{\d+,?\d*\}|[A-Za-z0-9])*\)\$", translate(r"^\d+x[^y]?(z|\.){2,3}$")
    )
