"""Declares the ``responses`` service."""

from __future__ import annotations

DINRAIL_API = ">=1.0,<2"
