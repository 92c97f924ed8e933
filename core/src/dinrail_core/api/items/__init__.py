"""Items: what a response's input and output, and conversations, are made of.

Specifications: OpenAI's 2.3.0 (``InputItem``, ``ConversationItem``, ``OutputItem``) and Open Responses 2026-04-24.
Every kind has two types: ``…Param`` is what a request may say (checked against the specification, but no id is needed),
the other is what is kept and answered (ids and states are always there, values may be new).

One module per family; :mod:`~dinrail_core.api.items.unions` puts them together. There are more than a hundred types, so
nothing is imported here, and no module that a start needs imports one of them.
"""
