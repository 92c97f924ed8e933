"""What a keeper of prompts does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.pages import ListQuery

if TYPE_CHECKING:
    from dinrail_core.api.prompts.objects import (
        CreatePrompt,
        Prompt,
        PromptList,
        UpdatePrompt,
    )

__all__ = [
    "Prompts",
]


class Prompts(ABC):
    """Keeps prompts and their versions, which never change once they are made.

    A prompt of somebody else does not exist.
    """

    @abstractmethod
    async def create(self, request: CreatePrompt, call: Call) -> Answer[Prompt]:
        """Keep a new prompt.

        Raises:
            InvalidRequest: Declared and used variables are not the same.
        """

    @abstractmethod
    async def list(self, page: ListQuery, call: Call) -> Answer[PromptList]:
        """The caller's prompts, each as its default version."""

    @abstractmethod
    async def get(self, prompt_id: str, version: int | None, call: Call) -> Answer[Prompt]:
        """One version, the default one for ``None``.

        Raises:
            NotFound: There is no such prompt or version.
        """

    @abstractmethod
    async def versions(self, prompt_id: str, call: Call) -> Answer[PromptList]:
        """Every version of a prompt, the oldest first.

        Raises:
            NotFound: There is no such prompt.
        """

    @abstractmethod
    async def update(self, prompt_id: str, request: UpdatePrompt, call: Call) -> Answer[Prompt]:
        """Keep a new version.

        Raises:
            Conflict: ``version`` is not the newest: somebody else has been faster.
            InvalidRequest: Declared and used variables are not the same.
            NotFound: There is no such prompt.
        """

    @abstractmethod
    async def set_default(self, prompt_id: str, version: int, call: Call) -> Answer[Prompt]:
        """Choose the default version.

        Raises:
            NotFound: There is no such prompt or version.
        """

    @abstractmethod
    async def delete(self, prompt_id: str, call: Call) -> None:
        """Remove a prompt with all its versions.

        Raises:
            NotFound: There is no such prompt.
        """
