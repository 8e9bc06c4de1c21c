"""Pairs of millstones, and how fast they may turn."""

from dataclasses import dataclass
from math import pi

LARGEST_SPEED = 8.0  # metres a second at the rim


@dataclass(frozen=True)
class Pair:
    """A runner and a bedstone of one width."""

    width: float
    gap: float

    def rim_speed(self, turns_per_minute):
        """Metres a second at the outer edge."""
        return pi * self.width * turns_per_minute / 60

    def fits(self, grain_width):
        """Whether grain of this width gets between the stones."""
        return self.gap < grain_width < 4 * self.gap


def choose_pair(pairs, grain_width, turns_per_minute):
    """The widest pair that takes the grain and does not turn too fast, or None."""
    allowed = []
    for pair in pairs:
        if not pair.fits(grain_width):
            continue
        if pair.rim_speed(turns_per_minute) > LARGEST_SPEED:
            continue
        allowed.append(pair)
    return max(allowed, key=lambda pair: pair.width, default=None)
