"""Begins a plugin: a distribution of its own, outside this tree, that works and is tested from the first minute."""

from dinrail_sdk.scaffold.contracts import CONTRACTS, Contract
from dinrail_sdk.scaffold.names import PluginNames, ScaffoldError, name_plugin
from dinrail_sdk.scaffold.write import write_plugin

__all__ = ["CONTRACTS", "Contract", "PluginNames", "ScaffoldError", "name_plugin", "write_plugin"]
