"""Begins a plugin: a distribution of its own, outside this tree, that works and is tested from the first minute.

The program reads :mod:`~dinrail_sdk.scaffold.command` at every start, so nothing is imported here.
"""
