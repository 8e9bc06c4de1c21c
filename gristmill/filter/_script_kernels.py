"""Compiled loop over the characters of texts that counts the letters of each script."""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# numba infers the types.
from __future__ import annotations

from typing import Any

from numba import njit

# numba's decorator has no type hints.
_compiled: Any = njit(cache=True, nogil=True)


@_compiled
def count_scripts(data, offsets, scripts, counts):
    """counts (int32, rows x scripts): letters of each script in each UTF-8 text.

    scripts: for each code point its column, or 255.
    """
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            byte = data[i]
            if byte < 128:
                code, size = int(byte), 1
            elif byte < 224:
                code, size = ((byte & 31) << 6) | (data[i + 1] & 63), 2
            elif byte < 240:
                code, size = ((byte & 15) << 12) | ((data[i + 1] & 63) << 6) | (data[i + 2] & 63), 3
            else:
                code = ((byte & 7) << 18) | ((data[i + 1] & 63) << 12) | ((data[i + 2] & 63) << 6)
                code, size = code | (data[i + 3] & 63), 4
            i += size
            if code < len(scripts) and scripts[code] != 255:
                counts[row, scripts[code]] += 1
