"""Kinds of tool, one module each.

A kind says what the model is offered, runs the model's calls, and writes the items that they leave. A new one is a
:class:`~dinrail_responses.tools.interface.ToolKind` in a module of its own and a line in
:mod:`~dinrail_responses.tools.registry`.
"""
