"""What each API is: wire types and contracts. No I/O, and no plugin machinery.

Names are imported from the modules, so that a program pays only for the APIs that it uses:

- ``wire``, ``open_enum``: the base of wire types, and decoding; ``answers``: lazily decoded answers and streams
- ``call``: on whose behalf and until when; ``provider``: what providers of any kind may tell about themselves
- ``chat``, ``completions``, ``embeddings``, ``rerank``, ``moderations``: wire types and the contract of each
- ``chunking``, ``vector_stores``: stores of files that can be searched, and how their documents are cut
- ``models``, ``providers``, ``error_body``: wire types of what the server answers by itself
- ``sampling``, ``usage``, ``text_forms``: parts that several of them share
- ``wire_schema``: what JSON schemas say beyond pydantic's own; loaded when one is asked for
"""
