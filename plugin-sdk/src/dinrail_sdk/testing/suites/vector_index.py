"""The conformance suite of :class:`~dinrail_core.api.vector_index.VectorIndex`."""

from __future__ import annotations

from dinrail_sdk.testing.suites.vector_conduct import VectorConductCases
from dinrail_sdk.testing.suites.vector_filters import VectorFilterCases
from dinrail_sdk.testing.suites.vector_search import VectorSearchCases

__all__ = ["VectorIndexSuite"]


class VectorIndexSuite(VectorSearchCases, VectorFilterCases, VectorConductCases):
    """What a vector index must do.

    A plugin's test says which provider, and with which configuration::

        class TestMyIndex(VectorIndexSuite):
            provider = MY_INDEX

            def config(self, upstream: FakeUpstream) -> MyIndexConfig:
                return MyIndexConfig()

    The configuration of an index in the server's own process leads to the instance's folder; that of one behind the
    network to a database that the test has started. Collections have names of their own, so that they may share it.
    An index that does not look at every vector says so by ``recall``, and is held to that.
    """
