"""A hopper that feeds grain to the stones, a shake at a time."""

from collections import deque


class Hopper:
    """Holds bags of grain in the order in which they came."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.level = 0.0
        self._bags = deque()

    def add(self, name, weight):
        """Pour a bag in; whatever does not fit is given back."""
        room = self.capacity - self.level
        poured = min(room, weight)
        if poured > 0:
            self._bags.append([name, poured])
            self.level += poured
        return weight - poured

    def shake(self, amount):
        """Let grain fall; yields (name of the bag, weight) until the amount is reached."""
        while amount > 0 and self._bags:
            bag = self._bags[0]
            falling = min(amount, bag[1])
            bag[1] -= falling
            amount -= falling
            self.level -= falling
            if bag[1] <= 0:
                self._bags.popleft()
            yield bag[0], falling
