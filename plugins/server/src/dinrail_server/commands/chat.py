"""``dinrail chat``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from dinrail_core.errors import DinrailError
from dinrail_core.hooks.records import Command

if TYPE_CHECKING:
    from dinrail_server.chat_client import ChatClient, Message

__all__ = ["COMMAND"]

_DEFAULT_URL = "http://127.0.0.1:8321/v1"
_INTERRUPTED = 130
_DESCRIPTION = """\
Talks to a model behind any server of OpenAI's dialect.

  dinrail chat                                    a conversation; Ctrl-C stops an answer, Ctrl-D ends it
  dinrail chat "What is a DIN rail?"              one question
  cat notes.txt | dinrail chat "Sum this up:"     one question with a text
  dinrail chat --url http://gpu0:8000/v1          another server

DINRAIL_URL names the server where --url does not; DINRAIL_API_KEY is its key, if it wants one.
"""
_HELP = """\
  /clear          forget what was said
  /model ID       go on with another model
  /system TEXT    other instructions
  /quit           leave (or Ctrl-D)"""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="*", help="what to ask; a conversation without it")
    parser.add_argument("--url", metavar="URL", help=f"the server's API (default: {_DEFAULT_URL})")
    parser.add_argument("--model", metavar="ID", help="which model (default: the first that can chat)")
    parser.add_argument("--system", metavar="TEXT", help="instructions for the model")


def _run(arguments: argparse.Namespace) -> int:
    from dinrail_server.chat_client import ChatClient

    # Not read through the configuration: this program may talk to a server that has nothing to do with it.
    url = arguments.url or os.environ.get("DINRAIL_URL") or _DEFAULT_URL
    client = ChatClient(url, os.environ.get("DINRAIL_API_KEY"))
    question = " ".join(arguments.question)
    if not sys.stdin.isatty():
        question = "\n\n".join(part for part in (question, sys.stdin.read().strip()) if part)
        if not question:
            raise DinrailError("There is no question, neither as an argument nor on standard input.")
    talk = _Talk(client, arguments.model or client.choose_model(), arguments.system)
    if question:
        return 0 if talk.ask(question) else _INTERRUPTED
    return talk.converse()


class _Talk:
    """A conversation.

    Args:
        client: Talks to the server.
        model: Which model.
        system: Instructions for it.
    """

    def __init__(self, client: ChatClient, model: str, system: str | None) -> None:
        self._client = client
        self._model = model
        self._system = system
        self._said: list[Message] = []
        self._dim, self._plain = ("\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "")

    def converse(self) -> int:
        """Ask and answer until the end of the input."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  # gives input() its line editing
        print(f"{self._dim}{self._model} at {self._client.url}. /help says what else can be typed.{self._plain}")
        while True:
            try:
                line = input("> ").strip()
            except (EOFError, KeyboardInterrupt):
                print()
                return 0
            if line == "/quit":
                return 0
            if line.startswith("/"):
                self._obey(line)
            elif line:
                try:
                    self.ask(line)
                except DinrailError as error:
                    print(f"dinrail: {error}", file=sys.stderr)

    def ask(self, question: str) -> bool:
        """Ask, and print the answer as it comes.

        Returns:
            Whether it came to its end; Ctrl-C stops it.

        Raises:
            DinrailError: The server refused or failed; the question is forgotten.
        """
        instructions = [{"role": "system", "content": self._system}] if self._system else []
        asked = {"role": "user", "content": question}
        answer = ""
        thinking = False
        whole = False
        try:
            for piece in self._client.answer(self._model, [*instructions, *self._said, asked]):
                if piece.thought != thinking:
                    thinking = piece.thought
                    sys.stdout.write(self._dim if thinking else f"{self._plain}\n\n")
                if not piece.thought:
                    answer += piece.text
                sys.stdout.write(piece.text)
                sys.stdout.flush()
            whole = True
        except KeyboardInterrupt:
            pass
        finally:
            print(self._plain, flush=True)
        self._said += [asked, {"role": "assistant", "content": answer}]
        return whole

    def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "/clear":
            self._said.clear()
        elif word == "/model" and rest:
            self._model = rest
        elif word == "/system":
            self._system = rest or None
        else:
            print(_HELP)


COMMAND = Command(
    name="chat",
    summary="talk to a model behind any running server",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)
