"""Azure OpenAI's API: OpenAI's dialect with a key of its own, and, in its older form, deployments in the path."""

from __future__ import annotations

import re
from dataclasses import replace

from dinrail_sdk.testing.dialect import Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked

__all__ = ["AZURE_WIRE", "AZURE_WIRE_IN_PATH", "AzureWire", "AzureWireInPath"]


class AzureWire(OpenAIWire):
    """The interface without versions (``/openai/v1``)."""

    name = "Azure OpenAI"
    prefix = "/openai/v1"

    def credentials(self, request: Request) -> str | None:
        return request.headers.get("api-key")


class AzureWireInPath(AzureWire):
    """The interface with ``api-version``, which knows the deployment from the path."""

    prefix = "/openai"

    def read(self, request: Request) -> Asked:
        path, _, query = request.path.partition("?")
        if not re.search(r"(^|&)api-version=[^&]+", query):
            raise LookupError(path)
        short = re.sub(r"^/openai/deployments/[^/]+/", "/openai/", path)
        if (short == path) != path.endswith("/models"):
            raise LookupError(path)
        return super().read(replace(request, path=short))


AZURE_WIRE = AzureWire()
AZURE_WIRE_IN_PATH = AzureWireInPath()
