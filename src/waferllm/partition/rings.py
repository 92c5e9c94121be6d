"""Ring orders: which place of a ring the PE at a place of the line is.

In: the name of the order and the number of PEs. Out: [n] places. `line` is the order of the line itself (SUMMA,
all-gather, and Cannon, whose ring closes over the whole line). `interleaved` goes up over the even places and back over
the odd ones, so that neighbours in the ring are at most two hops apart (MeshGEMM).
"""

from __future__ import annotations

import numpy as np

ORDERS = ("line", "interleaved")


def positions(order: str, places: int) -> np.ndarray:
    """Ring place of each place of the line: interleaved, 5 PEs: 0 4 1 3 2."""
    line = np.arange(places)
    if order == "line":
        return line
    return np.where(line % 2 == 0, line // 2, places - 1 - line // 2)


def members(order: str, places: int) -> np.ndarray:
    """Inverse of `positions`: place of the line of each ring place: interleaved, 5 PEs: 0 2 4 3 1."""
    return np.argsort(positions(order, places))
