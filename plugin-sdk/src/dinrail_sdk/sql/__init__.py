"""Rows that have owners, over SQLAlchemy.

Importing this package costs nothing: what needs SQLAlchemy stands in :mod:`~dinrail_sdk.sql.tables` and
:mod:`~dinrail_sdk.sql.units`, which a service imports when it is opened. The contract alone is in
:mod:`~dinrail_sdk.sql.contract`.
"""
