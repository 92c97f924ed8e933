"""Work on bytes that nobody vouches for, in a process of its own with limits.

A document can be a bomb: small to send and endless to read. What reads it runs in a child process that may use so much
time, memory and output and no more; what goes wrong there ends as one error, and the server goes on. The server's side
is :mod:`~dinrail_sdk.confined.parent`; this package itself imports nothing, since the child pays for it too.
"""
