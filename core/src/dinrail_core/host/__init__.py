"""Discovery, configuration, registry and routing, start order, lifecycle: what turns installed plugins into a rail."""

from dinrail_core.host.command_line import to_plan
from dinrail_core.host.host import Host, Plan
from dinrail_core.host.operations import operations
from dinrail_core.host.plugins import Plugins
from dinrail_core.host.settings import Settings, load_settings

__all__ = ["Host", "Plan", "Plugins", "Settings", "load_settings", "operations", "to_plan"]
