"""What a plugin implements: :mod:`~dinrail_core.hooks.specs`, and the records that its hooks return."""

from dinrail_core.hooks.context import Context, Rail, Target
from dinrail_core.hooks.http import Exchange, Handler, Part, Replay, Reply, Route, RouteGroup, Socket, Talk
from dinrail_core.hooks.markers import ENTRY_POINTS, EXTENDS, hookimpl
from dinrail_core.hooks.outbound import Outbound
from dinrail_core.hooks.records import Command, ProviderType, Section, ServiceType
from dinrail_core.hooks.secrets import Secret

__all__ = [
    "ENTRY_POINTS",
    "EXTENDS",
    "Command",
    "Context",
    "Exchange",
    "Handler",
    "Outbound",
    "Part",
    "ProviderType",
    "Rail",
    "Replay",
    "Reply",
    "Route",
    "RouteGroup",
    "Secret",
    "Section",
    "ServiceType",
    "Socket",
    "Talk",
    "Target",
    "hookimpl",
]
