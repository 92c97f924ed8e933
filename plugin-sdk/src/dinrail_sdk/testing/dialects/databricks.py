"""Databricks' serving endpoints: OpenAI's dialect, listed by the workspace."""

from __future__ import annotations

from dataclasses import replace

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Listing, Script

__all__ = ["DATABRICKS_WIRE", "DatabricksWire"]

_LISTING = "/api/2.0/serving-endpoints"


class DatabricksWire(OpenAIWire):
    """A workspace: models are endpoints that are ready, and its times are in milliseconds."""

    name = "Databricks"
    prefix = "/serving-endpoints"

    def read(self, request: Request) -> Asked:
        if request.path == f"{self.prefix}/models":
            raise LookupError(request.path)
        return super().read(replace(request, path="/models") if request.path == _LISTING else request)

    def say(self, script: Script, asked: Asked) -> Rendered:
        if not isinstance(script, Listing):
            return super().say(script, asked)
        endpoints = [
            {
                "id": f"{number:032x}",
                "name": model.id,
                "creator": model.owned_by,
                "creation_timestamp": model.created * 1000,
                "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
                "task": "llm/v1/chat",
            }
            for number, model in enumerate(script.models)
        ]
        return Rendered.whole({"endpoints": endpoints})


DATABRICKS_WIRE = DatabricksWire()
