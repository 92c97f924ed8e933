"""API keys (``/v1/admin/keys``): wire types and contract."""

from typing import TYPE_CHECKING

from dinrail_core.api.api_keys.contract import ApiKeys
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.api_keys.objects import (
        ApiKey,
        ApiKeyList,
        CreateApiKey,
        CreatedApiKey,
        Limits,
    )

__all__ = [
    "ApiKey",
    "ApiKeyList",
    "ApiKeys",
    "CreateApiKey",
    "CreatedApiKey",
    "Limits",
]

__getattr__ = lazily("dinrail_core.api.api_keys.objects")
