from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.blocks import covering, parts_of

_KNOWN = st.sets(st.integers(1, 40))


def shards_of(number: int, known: set[int]) -> list[int]:
    """The shards in a block, merged from its parts, in order."""
    return [shard for part in parts_of(number, known) for shard in shards_of(part, known)] + [number]


@given(_KNOWN, st.integers(0, 40))
def test_blocks_cover_every_known_shard_once_and_in_order(known: set[int], last: int) -> None:
    covered = [shard for block in covering(last, known) for shard in shards_of(block, known)]
    assert covered == sorted(shard for shard in known if shard <= last)


def test_few_blocks_cover_many_shards() -> None:
    everyone = range(1, 1001)
    assert max(len(covering(last, everyone)) for last in everyone) <= 10
    merged = sum(len(shards_of(number, set(everyone))) for number in everyone)
    assert merged <= 6 * len(everyone)


def test_a_removed_shard_changes_only_the_blocks_above_it() -> None:
    everyone = set(range(1, 65))
    without = everyone - {21}
    changed = [number for number in without if shards_of(number, everyone) != shards_of(number, without)]
    assert changed == [22, 24, 32, 64]
