"""Compiled loop of the search for excerpts: distances between one text and the stretches of another."""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types.
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def edit_distances(wanted, given, anywhere):
    """Insertions and deletions between `wanted` and the best stretch of `given` up to each place, 0 to its end.

    wanted, given: arrays of uint32 codes. The stretch begins at 0, or with `anywhere` wherever it is best. Out: int32.
    """
    size = len(given)
    distances = np.zeros(size + 1, np.int32)
    if not anywhere:
        for place in range(size + 1):
            distances[place] = place
    for row in range(len(wanted)):
        diagonal = distances[0]
        distances[0] = row + 1
        for place in range(1, size + 1):
            above = distances[place]
            best = min(above, distances[place - 1]) + 1
            if wanted[row] == given[place - 1]:
                best = min(best, diagonal)
            distances[place] = best
            diagonal = above
    return distances
