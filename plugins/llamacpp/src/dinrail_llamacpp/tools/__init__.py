"""Tool calls by any model: a prompt that lists the tools, and an answer that is held to a JSON schema.

Pure functions and one state machine, no I/O: ``offer`` (what of the request is on offer), ``prompt`` (how it is put to
the model), ``schemas`` (what the answer must look like), ``calls`` (the answer's text turned into calls, however it is
cut).
"""
