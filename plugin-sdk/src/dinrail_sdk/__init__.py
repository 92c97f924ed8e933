"""What a plugin's author builds with.

Modules, imported one by one so that a plugin pays only for what it uses:

- :mod:`dinrail_sdk.upstream`: a client for model servers over HTTP.
- :mod:`dinrail_sdk.openai`: the relay for servers that speak OpenAI's dialect.
- :mod:`dinrail_sdk.sse`: framing of server-sent events.
- :mod:`dinrail_sdk.testing`: conformance suites and fakes (extra ``testing``).
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
