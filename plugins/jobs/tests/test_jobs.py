"""The engine keeps the contract, on both databases."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from dinrail_core.hooks import Rail, ServiceType
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.jobs import JobsSuite


class TestJobs(JobsSuite):
    @pytest.fixture(autouse=True)
    def _over(self, config: dict[str, Any]) -> None:
        self._config = config

    def open_rail(self, *services: ServiceType, working: bool = True) -> AbstractAsyncContextManager[Rail]:
        chosen = {**self._config["services"], "jobs": {**self._config["services"]["jobs"], "workers": working}}
        return open_rail(*services, plugins=("database", "jobs"), config={**self._config, "services": chosen})
