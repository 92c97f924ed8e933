"""What reads documents, and what turns them into chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.chunking import ChunkingStrategy
    from dinrail_core.api.documents.objects import (
        ProcessedFile,
        ProcessFile,
        ProcessingJob,
        ProcessingJobList,
        ProcessingOptions,
    )
    from dinrail_core.api.files.contract import FileContent
    from dinrail_core.api.pages import ListQuery

__all__ = [
    "INVALID_FILE",
    "UNSUPPORTED_FILE",
    "DocumentParser",
    "DocumentSource",
    "Documents",
    "ParsedDocument",
    "TextForm",
    "source_of",
]

UNSUPPORTED_FILE = "unsupported_file"
"""The code of the error that no parser reads files of this kind."""

INVALID_FILE = "invalid_file"
"""The code of the error that a file is broken, locked, or bigger inside than it may be."""

TextForm: TypeAlias = Literal["text", "markdown", "code"]
"""What kind of text it is, and so where it may be cut."""


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """A file that is to be read.

    Attributes:
        filename: Its name, as it was given; only its extension means anything.
        media_type: Its type, as its content says.
        size: Its bytes.
        read: ``read(start, stop)``: the bytes from ``start`` up to, not including, ``stop``, a piece at a time.
    """

    filename: str
    media_type: str
    size: int
    read: Callable[[int, int], AsyncGenerator[bytes, None]]

    @property
    def extension(self) -> str:
        """The name's extension in lower case, without the dot; empty where it has none."""
        return self.filename.rpartition(".")[2].lower() if "." in self.filename else ""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document's text.

    Attributes:
        text: The whole of it; free of U+0000.
        form: What kind of text it is.
        pages: Where each page begins, as indices into the text; empty where there are no pages.
        metadata: What the document says of itself, such as ``title``.
    """

    text: str
    form: TextForm = "text"
    pages: Sequence[int] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def source_of(content: FileContent) -> DocumentSource:
    """A kept file as one that is to be read."""
    return DocumentSource(content.file.filename, content.media_type, content.file.bytes, content.read)


class DocumentParser(ABC):
    """Reads files of some kinds."""

    @abstractmethod
    def reads(self, source: DocumentSource) -> bool:
        """Whether files of this kind are its own, by type and name alone."""

    @abstractmethod
    async def parse(self, source: DocumentSource, call: Call) -> ParsedDocument:
        """Read a file, off the event loop and within limits of time, memory and size.

        Raises:
            InvalidRequest: It cannot be read; ``code`` is :data:`UNSUPPORTED_FILE` or :data:`INVALID_FILE`, and the
                message says why in one sentence.
        """


class Documents(ABC):
    """Turns files into text and chunks, by whichever parser reads them."""

    @abstractmethod
    async def parse(
        self, source: DocumentSource, call: Call, options: ProcessingOptions | None = None
    ) -> ParsedDocument:
        """Read a file.

        Args:
            source: The file.
            call: On whose behalf.
            options: How to read it.

        Raises:
            InvalidRequest: It cannot be read, as :meth:`DocumentParser.parse` says.
            NotFound: There is no parser of the name that the options give.
        """

    def check_strategy(self, strategy: ChunkingStrategy, param: str) -> None:  # noqa: B027 (whoever can tell does)
        """Refuse a strategy by which no file could be cut, before a file is taken in by it.

        Args:
            strategy: How files are to be cut.
            param: The field that says so.

        Raises:
            InvalidRequest: It needs a model, and none is named or configured.
        """

    @abstractmethod
    async def process(
        self,
        source: DocumentSource,
        strategy: ChunkingStrategy,
        call: Call,
        options: ProcessingOptions | None = None,
        most_tokens: int | None = None,
    ) -> ProcessedFile:
        """Read a file and cut it; where the strategy is contextual, every chunk gets its context.

        Args:
            source: The file.
            strategy: How to cut it.
            call: On whose behalf.
            options: How to read it.
            most_tokens: The most that a chunk may have where the strategy leaves the size open.

        Raises:
            InvalidRequest: The file cannot be read, as :meth:`DocumentParser.parse` says.
            NotFound: There is no parser of the name that the options give, or no such model.
        """

    @abstractmethod
    async def contexts(self, document: str, chunks: Sequence[str], model: str | None, call: Call) -> Sequence[str]:
        """A line for each chunk that says what it is about, written by a model that sees the document.

        Args:
            document: The document's text.
            chunks: Some of its chunks.
            model: The chat model; the configured one for ``None``.
            call: On whose behalf.

        Raises:
            InvalidRequest: No model is named nor configured.
            ModelNotFound: There is no such model.
            UpstreamError: The model failed.
        """

    @abstractmethod
    async def start(self, request: ProcessFile, call: Call) -> Answer[ProcessingJob]:
        """Begin to read a file of the caller's without anybody waiting.

        Raises:
            NotFound: There is no such file.
        """

    @abstractmethod
    async def job(self, job_id: str, call: Call) -> Answer[ProcessingJob]:
        """How far that is, with the result once it is there; it is kept for a day.

        Raises:
            NotFound: There is none of this id.
        """

    @abstractmethod
    async def list_jobs(self, query: ListQuery, call: Call) -> Answer[ProcessingJobList]:
        """The caller's jobs of the last day, without their results."""

    @abstractmethod
    async def cancel_job(self, job_id: str, call: Call) -> Answer[ProcessingJob]:
        """Stop to read a file; what has ended stays as it is.

        Raises:
            NotFound: There is none of this id.
        """
