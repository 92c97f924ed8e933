"""The contract of vector stores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.pages import ListQuery
    from dinrail_core.api.vector_stores.files import (
        AddFile,
        AddFiles,
        DeletedStoreFile,
        ListStoreFilesQuery,
        StoreFile,
        StoreFileBatch,
        StoreFileContent,
        StoreFileList,
        UpdateStoreFile,
    )
    from dinrail_core.api.vector_stores.search import SearchRequest, SearchResults
    from dinrail_core.api.vector_stores.stores import (
        CreateVectorStore,
        DeletedVectorStore,
        UpdateVectorStore,
        VectorStore,
        VectorStoreList,
    )

__all__ = ["VectorStores"]


class VectorStores(ABC):
    """Keeps stores of files that can be searched by meaning and by words.

    A store of somebody else does not exist, and a file of somebody else cannot come into one. A store whose time is
    over can be looked at and deleted, and no more.

    Methods that name a store, a file in it or a batch raise:
        NotFound: There is none of this id; ``param`` names which.

    Whether the caller may use the models that a request names (``embedding_model``, ``provider_id``, a reranking model)
    has been asked before, by whoever knows the caller's rail.
    """

    @abstractmethod
    async def create(self, request: CreateVectorStore, call: Call) -> Answer[VectorStore]:
        """Make a store, and begin to take in the files that it is to have.

        Raises:
            InvalidRequest: The dimension is not one of the model, or there is no such provider.
            NotFound: One of the files or the model does not exist.
        """

    @abstractmethod
    async def list(self, query: ListQuery, call: Call) -> Answer[VectorStoreList]:
        """The caller's stores."""

    @abstractmethod
    async def get(self, store_id: str, call: Call) -> Answer[VectorStore]:
        """One store."""

    @abstractmethod
    async def update(self, store_id: str, request: UpdateVectorStore, call: Call) -> Answer[VectorStore]:
        """Change a store, or begin to embed its texts by another model.

        Raises:
            Conflict: It is on its way to another model already, or has expired.
        """

    @abstractmethod
    async def delete(self, store_id: str, call: Call) -> Answer[DeletedVectorStore]:
        """Remove a store; its files stay. Nothing of it is found once this returns."""

    @abstractmethod
    async def search(self, store_id: str, request: SearchRequest, call: Call) -> Answer[SearchResults]:
        """Look for chunks.

        Raises:
            InvalidRequest: A filter compares what cannot be compared, the ranker is unknown, or no model that could
                rewrite the query is configured; ``param`` says which.
            Conflict: The store has expired.
            Unavailable: The store's model or vector database is not there any more.
        """

    @abstractmethod
    async def add_file(self, store_id: str, request: AddFile, call: Call) -> Answer[StoreFile]:
        """Begin to take a file in. One that the store has already is taken in anew.

        Raises:
            Conflict: The store has expired.
        """

    @abstractmethod
    async def list_files(self, store_id: str, query: ListStoreFilesQuery, call: Call) -> Answer[StoreFileList]:
        """A store's files."""

    @abstractmethod
    async def get_file(self, store_id: str, file_id: str, call: Call) -> Answer[StoreFile]:
        """One file of a store."""

    @abstractmethod
    async def update_file(self, store_id: str, file_id: str, request: UpdateStoreFile, call: Call) -> Answer[StoreFile]:
        """Change a file's attributes. Filters go by the new ones once this returns."""

    @abstractmethod
    async def delete_file(self, store_id: str, file_id: str, call: Call) -> Answer[DeletedStoreFile]:
        """Take a file out of a store. None of its chunks is found once this returns."""

    async def forget_file(self, file_id: str, call: Call) -> None:  # noqa: B027 (newer than the contract)
        """Take a file that has been deleted out of every store of the caller's; none of its chunks is found any more.

        One that is still there for the caller stays where it is.
        """

    @abstractmethod
    async def file_content(self, store_id: str, file_id: str, call: Call) -> Answer[StoreFileContent]:
        """The text of a file, as it was read."""

    @abstractmethod
    async def add_files(self, store_id: str, request: AddFiles, call: Call) -> Answer[StoreFileBatch]:
        """Begin to take several files in.

        Raises:
            Conflict: The store has expired.
        """

    @abstractmethod
    async def get_batch(self, store_id: str, batch_id: str, call: Call) -> Answer[StoreFileBatch]:
        """One batch."""

    @abstractmethod
    async def cancel_batch(self, store_id: str, batch_id: str, call: Call) -> Answer[StoreFileBatch]:
        """Stop to take a batch's files in; those that are completed stay."""

    @abstractmethod
    async def list_batch_files(
        self, store_id: str, batch_id: str, query: ListStoreFilesQuery, call: Call
    ) -> Answer[StoreFileList]:
        """The files of a batch."""
