"""Vectors as they travel (little-endian 32-bit floats), and as numpy sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dinrail_core.api.vector_index import Vector
from dinrail_core.errors import InvalidRequest

__all__ = ["Floats", "unit", "units"]

Floats: TypeAlias = npt.NDArray[np.float32]


def unit(vector: Vector, dimension: int) -> Floats:
    """One vector, brought to length 1.

    Raises:
        InvalidRequest: It has another dimension, is not finite, or is all zeros.
    """
    row: Floats = units([vector], dimension)[0]
    return row


def units(vectors: Sequence[Vector], dimension: int) -> Floats:
    """Vectors as rows, each brought to length 1, so that the inner product is the cosine.

    Lengths are taken in 64 bits: the square of a number that 32 bits hold need not fit into them.

    Raises:
        InvalidRequest: One has another dimension, is not finite, or is all zeros.
    """
    for vector in vectors:
        size = memoryview(vector).nbytes
        if size != 4 * dimension:
            raise InvalidRequest(
                f"The vector has {size / 4:g} dimensions, the collection {dimension}.", code="dimension_mismatch"
            )
    if not vectors:
        return np.empty((0, dimension), dtype=np.float32)
    rows = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, dimension)
    if not np.isfinite(rows).all():
        raise InvalidRequest("A vector has a number that is not finite.")
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None]
    if not lengths.all():
        raise InvalidRequest("A vector is all zeros, and so has no direction.")
    made: Floats = (rows / lengths).astype(np.float32)
    return made
