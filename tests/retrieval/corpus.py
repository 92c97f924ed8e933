"""A small corpus of documents written for this test (``documents``, under the licence of the rest), and questions.

Each document is a title and sections of a heading and a paragraph, and is made into a file of each format. A question
comes with words of the passage that answers it: a chunk counts where it holds them.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["DOCUMENTS", "QUESTIONS"]


def _sections(file: Path) -> list[tuple[str, str]]:
    parts = file.read_text().split("\n## ")[1:]
    return [(heading, " ".join(text.split())) for heading, _, text in (part.partition("\n") for part in parts)]


DOCUMENTS = {file.stem: _sections(file) for file in sorted((Path(__file__).parent / "documents").glob("*.md"))}
"""Sections by document."""

QUESTIONS: list[tuple[str, str, str]] = [
    ("Why is the glass of a lighthouse lens cut into rings?", "lighthouses", "glass between them can be left"),
    ("How long was a watch of the keepers?", "lighthouses", "watches of four hours"),
    ("How can sailors tell different towers apart?", "lighthouses", "its own rhythm"),
    ("When were the last crewed light stations abandoned?", "lighthouses", "before the turn of the century"),
    ("How often should I feed my sourdough starter in the fridge?", "sourdough", "once a week in a refrigerator"),
    ("How many hours does dough ferment at 24 degrees?", "sourdough", "that takes five hours"),
    ("What is the lid of the pot good for while baking bread?", "sourdough", "Steam keeps the crust soft"),
    ("My bread has a tight crumb without holes, what went wrong?", "sourdough", "A tight crumb with few holes"),
    ("How do bees tell each other the direction of flowers?", "honeybees", "The angle of her straight run"),
    ("How much honey does a colony need for the winter?", "honeybees", "fifteen kilograms of stored honey"),
    ("Which acid is used against varroa when there is no brood?", "honeybees", "oxalic acid"),
    ("Why does the old queen leave the hive in spring?", "honeybees", "hive becomes crowded"),
    ("The chain hesitates when shifting gears, what should I turn?", "bicycles", "turn the barrel adjuster"),
    ("What pressure for 25 mm tyres?", "bicycles", "five and a half"),
    ("My brake lever feels spongy", "bicycles", "has air in its line"),
    ("At what wear do I need a new bicycle chain?", "bicycles", "three quarters of a percent"),
    ("Which magma causes explosive eruptions?", "volcanoes", "rich in silica"),
    ("What announces that a volcano is going to erupt?", "volcanoes", "swarms of small earthquakes"),
    ("What destroyed Saint-Pierre?", "volcanoes", "buried"),
    ("Why do farmers live on volcanic slopes?", "volcanoes", "potassium and phosphorus"),
    ("Who invented the decimal classification of books?", "libraries", "Melvil Dewey"),
    ("What is the fine for returning a book late?", "libraries", "twenty cents a day"),
    ("How is brittle acidic paper treated?", "libraries", "magnesium compounds"),
    ("Where can a group work together without disturbing others?", "libraries", "six glass cabins"),
]
"""Question, document, and words of the passage that answers it."""
