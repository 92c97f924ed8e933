"""What is installed and how it does (``GET /v1/providers[/{id}]``): wire types of Dinrail's own."""

from typing import Annotated

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import Wire

__all__ = ["PluginStatus", "ProviderList", "ProviderStatus"]


class ProviderStatus(Wire):
    """A configured instance."""

    id: str
    """The operator's name for it."""
    object: Annotated[str, OpenEnum("provider")] = "provider"
    type: str
    """The provider type, as its plugin names it."""
    distribution: str
    """The installed package that it comes from."""
    version: str
    apis: list[str]
    """The contracts that it fulfils, such as ``ChatModel``."""
    status: Annotated[str, OpenEnum("ready", "degraded", "unreachable", "failed")]
    """As it was when asked just now; ``failed`` could not be opened."""
    reason: str | None = None
    """Why it is not ready, one sentence."""
    models: int | None = None
    """How many models it has; null where it cannot list them or has not answered yet."""


class PluginStatus(Wire):
    """An installed plugin."""

    id: str
    object: Annotated[str, OpenEnum("plugin")] = "plugin"
    distribution: str
    version: str
    state: Annotated[str, OpenEnum("enabled", "off", "disabled", "failed")]
    """Loaded; waiting for the operator's consent; switched off by the operator; set aside as broken."""
    reason: str | None = None
    """Why it is not loaded, one sentence."""
    extends: list[str]
    """What beyond providers it adds to the server, and what therefore needs the operator's consent."""


class ProviderList(Wire):
    """Every instance, and every plugin whether it is loaded or not."""

    object: Annotated[str, OpenEnum("list")] = "list"
    data: list[ProviderStatus]
    plugins: list[PluginStatus]
