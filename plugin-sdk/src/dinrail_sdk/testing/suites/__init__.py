"""One conformance suite for each contract, and one for real engines.

See :class:`~dinrail_sdk.testing.suite.Suite` for how they are used.
"""

from dinrail_sdk.testing.suites.chat import ChatModelSuite
from dinrail_sdk.testing.suites.completions import CompletionModelSuite
from dinrail_sdk.testing.suites.embeddings import EmbedderSuite
from dinrail_sdk.testing.suites.engine import EngineSuite
from dinrail_sdk.testing.suites.library import ModelLibrarySuite
from dinrail_sdk.testing.suites.models import CheckedSuite, ModelSourceSuite
from dinrail_sdk.testing.suites.moderations import ModeratorSuite
from dinrail_sdk.testing.suites.rerank import RerankerSuite
from dinrail_sdk.testing.suites.vector_index import VectorIndexSuite
from dinrail_sdk.testing.suites.web_search import WebSearcherSuite

__all__ = [
    "ChatModelSuite",
    "CheckedSuite",
    "CompletionModelSuite",
    "EmbedderSuite",
    "EngineSuite",
    "ModelLibrarySuite",
    "ModelSourceSuite",
    "ModeratorSuite",
    "RerankerSuite",
    "VectorIndexSuite",
    "WebSearcherSuite",
]
