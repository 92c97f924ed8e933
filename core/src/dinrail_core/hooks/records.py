"""The frozen declarations that hooks return."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.jobs import JobKind
from dinrail_core.hooks.context import Context, Rail

__all__ = ["Command", "Detect", "Eager", "Open", "ProviderType", "Section", "ServiceType"]

Open = Callable[[Any, Context], AbstractAsyncContextManager[object]]
"""``open(config, context)``: start and stop in one function, so that nothing is ever half-built."""

Eager = Callable[[Any, Context], bool]
"""``eager(config, context)``: whether a service is needed from the start. A look at a file at most; imports nothing."""

Detect = Callable[[Mapping[str, str]], Mapping[str, object] | None]
"""Looks at the environment's variables, without I/O, and returns a configuration, or ``None`` for no instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """A kind of provider, of which the operator configures instances.

    Attributes:
        name: What ``type = "…"`` says in the configuration.
        config: Its configuration; ``extra="forbid"``, secrets typed :data:`~dinrail_core.hooks.secrets.Secret`.
        apis: The contracts that what ``open`` yields fulfils. The host checks it.
        optional: Contracts that it fulfils too where the operator says so, each with the field of the configuration
            by whose value that is said (``{NativeResponses: "responses"}``): anything that counts as true.
        open: Opens an instance. Must not wait for an upstream: a dead one never blocks the start.
        detect: How an instance comes to be without configuration; its name is then this type's name.
        summary: One line for people.
    """

    name: str
    config: type[BaseModel]
    apis: frozenset[type]
    open: Open
    optional: Mapping[type, str] = field(default_factory=dict, hash=False)
    detect: Detect | None = None
    summary: str = ""

    def apis_of(self, config: BaseModel) -> frozenset[type]:
        """The contracts that an instance of this configuration fulfils."""
        return self.apis | {contract for contract, name in self.optional.items() if getattr(config, name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceType:
    """The one stateful implementation of an API.

    Attributes:
        name: Its name, and its section ``[services.<name>]`` of the configuration.
        config: Its configuration. Where every field has a default, the service is there by being installed; otherwise
            once its section is written.
        provides: The contracts that what ``open`` yields fulfils. Of two services that provide one contract, the one
            whose section is written is used; two of a kind are an error until the operator disables a plugin.
        requires: Contracts of services that must be open before this one, and that are closed after it.
        open: Opens it; called when the service is first asked for.
        eager: Says whether it must be opened at the start instead (it has work of its own to do), and is asked again
            every few seconds where it need not be; never where left out.
        jobs: Kinds of work that it does in jobs. A process that does jobs opens the service when there is one for it,
            and closes it behind the service that provides :class:`~dinrail_core.api.jobs.Jobs`.
        summary: One line for people.
    """

    name: str
    config: type[BaseModel]
    provides: frozenset[type]
    open: Open
    requires: frozenset[type] = frozenset()
    eager: Eager | None = None
    jobs: tuple[JobKind, ...] = ()
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the configuration that a plugin owns, like ``[server]``.

    Attributes:
        name: The section's name.
        config: Its keys; ``extra="forbid"``, every field with a default.
    """

    name: str
    config: type[BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the ``dinrail`` program; exactly one of ``run`` and ``on_rail`` does it.

    Attributes:
        name: The word behind ``dinrail``.
        summary: One line for ``dinrail --help``.
        configure: Adds the command's arguments to its parser; imports nothing heavy.
        run: Does it and returns the exit code. A :class:`~dinrail_core.errors.DinrailError` is shown as one line.
        on_rail: Does it with what is on the rail, and returns the exit code. The program loads the configuration
            (``--config`` and ``--data-dir`` are added to the command and its actions), opens services as they are asked
            for, with :attr:`Context.serving` false, and no provider.
        serving: Whether ``on_rail`` is handed all that a server has: providers are open, and services do work of their
            own. It ends on signals by itself.
        description: What ``dinrail NAME --help`` says above the options.
    """

    name: str
    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int] | None = None
    on_rail: Callable[[argparse.Namespace, Rail], Awaitable[int]] | None = None
    serving: bool = False
    description: str = field(default="")
