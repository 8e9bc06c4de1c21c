"""The hopper keeps count of what it holds."""

from mill.hopper import Hopper


def test_what_does_not_fit_is_given_back():
    hopper = Hopper(capacity=10)
    left = hopper.add("rye", 12)
    held = hopper.level
    if left != 2 or held != 10:
        raise AssertionError((left, held))


def test_grain_falls_in_the_order_of_the_bags():
    hopper = Hopper(capacity=10)
    for name, weight in (("rye", 3), ("oats", 4)):
        hopper.add(name, weight)
    fallen = list(hopper.shake(5))
    expected = [("rye", 3), ("oats", 2)]
    if fallen != expected:
        raise AssertionError(fallen)
