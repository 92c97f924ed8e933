"""``[services.webhooks]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from dinrail_core.hooks.secrets import Secret

__all__ = ["WebhooksConfig"]

_LEAST = 32


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _LEAST:
        raise ValueError(f"must have at least {_LEAST} characters, as random as a password")
    return value


class WebhooksConfig(BaseModel, extra="forbid", defer_build=True):
    """How endpoints are told."""

    key: Annotated[Secret, AfterValidator(_long_enough)] | None = None
    """What the secrets of endpoints are made of: the same in every process. Without it, a file in the data directory
    holds one, which will do for one machine."""
    timeout: Annotated[float, Field(gt=0, le=300)] = 20.0
    """Seconds that an endpoint may take to answer."""
    max_endpoints: Annotated[int, Field(ge=1, le=10_000)] = 50
    """The most endpoints of one user."""
