"""Archives broken at random: nothing raises or hangs, every byte is accounted for, what is sound stays."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ingest.archives import DATA
from tests.ingest.mutations import KINDS, archives, check, mutate

COUNT = 2_000


@pytest.mark.slow
def test_nothing_sound_is_lost_from_broken_archives(tmp_path: Path) -> None:
    originals = archives(sorted((DATA / "warc").glob("*.*arc*")))
    kinds = set()
    faults = []
    for number in range(COUNT):
        archive = originals[number % len(originals)]
        mutation = mutate(archive, random.Random(number))
        kinds.add(mutation.kind)
        found = check(archive, mutation, tmp_path / "f")
        faults += [(number, archive.name, mutation.kind, *found)] if found else []
    assert kinds == set(KINDS)
    assert faults == []
