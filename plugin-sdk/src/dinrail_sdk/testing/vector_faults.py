"""What a vector index behind the network does when its database is not there."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import pytest

from dinrail_core.errors import UpstreamUnavailable
from dinrail_core.hooks.records import ProviderType
from dinrail_sdk.testing.alone import open_alone
from dinrail_sdk.testing.bench import captured_logs

__all__ = ["assert_unreachable"]


async def assert_unreachable(record: ProviderType, config: Mapping[str, object], secret: str) -> None:
    """See that an index whose database does not answer opens all the same, says so when it is used, and keeps secrets.

    Args:
        record: What the plugin's hook returns.
        config: Leads to a place where nothing listens, with ``secret`` as its credentials.
        secret: What must not be shown.

    Raises:
        AssertionError: It does not.
    """
    with captured_logs() as logs:
        async with open_alone(record, config) as index:
            with pytest.raises(UpstreamUnavailable) as caught:
                await index.count("abc")
    told = [*traceback.format_exception(caught.value), *logs, repr(record.config.model_validate(config))]
    assert not [line for line in told if secret in line], "The secret is shown."
