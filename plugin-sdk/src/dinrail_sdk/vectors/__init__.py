"""What plugins for vector databases are built with.

- :mod:`~dinrail_sdk.vectors.filters`: what a filter means, as a function; every index answers as it does.
- :mod:`~dinrail_sdk.vectors.buffers`: vectors checked and brought to length 1 (extra ``vectors``).
- :mod:`~dinrail_sdk.vectors.lane`: a thread for an engine that blocks.
"""
