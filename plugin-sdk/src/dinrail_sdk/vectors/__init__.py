"""What plugins for vector databases are built with.

- :mod:`~dinrail_sdk.vectors.filters`: what a filter means, as a function; every index answers as it does.
- :mod:`~dinrail_sdk.vectors.buffers`: vectors checked and brought to length 1 (extra ``vectors``).
- :mod:`~dinrail_sdk.vectors.base`: an index whose engine sees nothing but what is right (extra ``vectors``).
- :mod:`~dinrail_sdk.vectors.narrowing`, :mod:`~dinrail_sdk.vectors.tokens`: a filter in an engine's own words.
- :mod:`~dinrail_sdk.vectors.lane`, :mod:`~dinrail_sdk.vectors.folder`: a thread and a folder for an engine in this
  process.
- :mod:`~dinrail_sdk.vectors.lazy`: an index that is loaded when it is first used.
"""
