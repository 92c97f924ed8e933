"""How encrypted content of this server begins."""

__all__ = ["SEALED"]

SEALED = "dr1."
