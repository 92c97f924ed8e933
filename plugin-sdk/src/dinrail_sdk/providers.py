"""What the declarations of providers over HTTP have in common, so that a plain one is a few lines.

::

    ACME = ProviderType(
        name="acme",
        config=AcmeConfig,
        apis=frozenset({ChatModel, ModelSource}),
        open=opener(),
        detect=detector(key=("ACME_API_KEY",)),
        summary="Acme's hosted models",
    )

Importing this module is cheap: it is made for ``plugin.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

from dinrail_core.hooks import Context
from dinrail_core.hooks.records import Detect, Open
from dinrail_sdk.upstream import Authorize, RespondingConfig, Upstream, UpstreamConfig, bearer, connect

__all__ = ["Make", "detector", "opener"]

Make = Callable[[Any, Upstream], object]
"""``make(config, upstream)``: the provider over its opened upstream; imports its module inside."""

_NONE: Mapping[str, str] = MappingProxyType({})


def opener(make: Make | None = None, *, authorize: Authorize = bearer, headers: Mapping[str, str] = _NONE) -> Open:
    """``open`` of a provider whose configuration derives from :class:`UpstreamConfig`.

    Args:
        make: Makes the provider; without it, it is the plain relay of OpenAI's dialect.
        authorize: How the key is sent, as for :func:`~dinrail_sdk.upstream.connect`.
        headers: More headers for every request, as there.
    """

    @asynccontextmanager
    async def open_over_http(config: UpstreamConfig, context: Context) -> AsyncIterator[object]:
        async with connect(config, authorize=authorize, headers=headers) as upstream:
            yield (make or _relay)(config, upstream)

    return open_over_http


def detector(*, key: Sequence[str] = (), url: Mapping[str, str] = _NONE, keyless: bool = False) -> Detect:
    """``detect`` of a provider that is found by variables: there is an instance once each kind of them has one set.

    Args:
        key: Variables that may hold the key; the first that is set counts.
        url: Variables that may tell where the server is, each with the base URL that follows from it: ``{}`` in it
            stands for the value. Without any, the configuration's own default is meant.
        keyless: Whether a server without a key is one as well.
    """

    def detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
        found: dict[str, object] = {}
        value = next((environment[name] for name in key if environment.get(name)), None)
        if value is not None:
            found["api_key"] = value
        elif not keyless:
            return None
        where = next((form.format(environment[name]) for name, form in url.items() if environment.get(name)), None)
        if where is not None:
            found["base_url"] = where
        elif url:
            return None
        return found

    return detect


def _relay(config: object, upstream: Upstream) -> object:
    from dinrail_sdk.openai import OpenAIDialect

    return OpenAIDialect(upstream, responses=config.responses if isinstance(config, RespondingConfig) else None)
