"""Vector stores (``/v1/vector_stores``): wire types and contract. Specification: OpenAI's 2.3.0."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.vector_stores.contract import VectorStores

if TYPE_CHECKING:
    from dinrail_core.api.vector_stores.files import (
        AddFile,
        AddFiles,
        Attributes,
        DeletedStoreFile,
        FileStatus,
        ListStoreFilesQuery,
        StoreFile,
        StoreFileBatch,
        StoreFileContent,
        StoreFileError,
        StoreFileList,
        StoreFileText,
        UpdateStoreFile,
    )
    from dinrail_core.api.vector_stores.search import (
        FoundText,
        HybridWeights,
        SearchRanking,
        SearchRequest,
        SearchResult,
        SearchResults,
    )
    from dinrail_core.api.vector_stores.stores import (
        CreateVectorStore,
        DeletedVectorStore,
        FileCounts,
        Reembedding,
        StoreExpiry,
        UpdateVectorStore,
        VectorStore,
        VectorStoreList,
    )

__all__ = [
    "AddFile",
    "AddFiles",
    "Attributes",
    "CreateVectorStore",
    "DeletedStoreFile",
    "DeletedVectorStore",
    "FileCounts",
    "FileStatus",
    "FoundText",
    "HybridWeights",
    "ListStoreFilesQuery",
    "Reembedding",
    "SearchRanking",
    "SearchRequest",
    "SearchResult",
    "SearchResults",
    "StoreExpiry",
    "StoreFile",
    "StoreFileBatch",
    "StoreFileContent",
    "StoreFileError",
    "StoreFileList",
    "StoreFileText",
    "UpdateStoreFile",
    "UpdateVectorStore",
    "VectorStore",
    "VectorStoreList",
    "VectorStores",
]

__getattr__ = lazily(
    "dinrail_core.api.vector_stores.stores",
    "dinrail_core.api.vector_stores.files",
    "dinrail_core.api.vector_stores.search",
)
