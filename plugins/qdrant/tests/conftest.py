"""The whole suite of what takes long runs with `-m soak`."""

from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]
