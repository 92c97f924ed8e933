"""``docs/reference/cli.md``."""

from __future__ import annotations

import argparse

from dinrail_core.cli.program import command_line
from tools.reference.docstrings import cell
from tools.reference.tree import Tree

__all__ = ["commands_page", "parsers"]

_INTRODUCTION = """\
# The program `dinrail`

Exit codes: 0 when it went well, 1 when it failed (with one line on the standard error stream), 2 for a command line
that cannot be read, 130 on Ctrl-C. `dinrail --help` lists the commands of every installed plugin; here are those of
the bundle.
"""


def commands_page(tree: Tree) -> str:
    """Every command with its arguments, made from the parser itself."""
    parts = [_INTRODUCTION]
    for words, parser in parsers(command_line(tree.plugins)).items():
        parts.append(f"{'#' * min(2 + words.count(' '), 4)} `{words}`")
        if words.count(" "):
            parts.append(_described((parser.description or "").strip()))
        arguments = [action for action in parser._actions if _is_shown(action)]
        if arguments:
            rows = ["| argument | meaning |", "|---|---|"]
            parts.append("\n".join([*rows, *(f"| `{cell(_shape(a))}` | {cell(a.help or '')} |" for a in arguments)]))
    return "\n\n".join(parts)


def parsers(parser: argparse.ArgumentParser, words: str = "dinrail") -> dict[str, argparse.ArgumentParser]:
    """A parser and all below it, by the words that lead to each."""
    found = {words: parser}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help for choice in action._choices_actions}
            for name, below in action.choices.items():
                below.description = below.description or summaries.get(name)
                found |= parsers(below, f"{words} {name}")
    return found


def _described(text: str) -> str:
    """A command's description; one with examples in columns as it stands."""
    return (
        f"```text\n{text}\n```" if "\n  " in text else f"{text[:1].upper()}{text[1:]}{'' if text[-1:] == '.' else '.'}"
    )


def _is_shown(action: argparse.Action) -> bool:
    return action.help != argparse.SUPPRESS and not isinstance(
        action, argparse._HelpAction | argparse._SubParsersAction
    )


def _shape(action: argparse.Action) -> str:
    """How an argument is written."""
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper().replace("_", "-")
    if not action.option_strings:
        return f"[{name} …]" if action.nargs == "*" else name
    option = ", ".join(action.option_strings)
    return option if action.nargs == 0 else f"{option} {name}"
