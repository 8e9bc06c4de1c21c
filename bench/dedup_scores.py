"""What a keep list is worth, given the exact truth: precision, recall by similarity and by kind, lost groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench.dedup_files import Edge, pair

THRESHOLD = 0.8
BINS = 0.05  # width of a bin of true Jaccard


def score(
    ids: list[str],
    kept: set[str],
    edges: list[Edge],
    truth: dict[Edge, float],
    planted: list[tuple[str, str, str]],
    *,
    keeps_first: bool = True,
) -> dict[str, float]:
    """Figures of a keep list and of the edges that led to it; bench/dedup.py says what each is.

    ids: in order. truth: Jaccard by pair, the lesser id first. planted: (kind, id, id of its source). keeps_first: the
    earliest of a group stays, so a pair is found if its later document is dropped; else if any of both is.
    """
    place = {name: i for i, name in enumerate(ids)}
    true = [edge for edge, value in truth.items() if value >= THRESHOLD]
    near = {name for edge in true for name in edge}
    dropped = [name for name in ids if name not in kept]
    groups, true_groups = Groups(), Groups()
    for a, b in edges:
        groups.join(a, b)
    for a, b in true:
        true_groups.join(a, b)

    def is_found(edge: Edge) -> bool:
        if keeps_first:
            return max(edge, key=place.__getitem__) not in kept
        return not kept.issuperset(edge)

    figures = {
        "dropped": float(len(dropped)),
        "precision": _share(truth.get(pair(*edge), 0.0) >= THRESHOLD for edge in edges),
        "dropped_near": _share(name in near for name in dropped),
        "recall": _share(map(is_found, true)),
        "clustered": _share(groups.find(a) == groups.find(b) for a, b in true),
        "recall_of_equal": _share(is_found(edge) for edge, value in truth.items() if value == 1),
        "lost_groups": float(groups.count_without(kept)),
        "lost_true_groups": float(true_groups.count_without(kept)),
    }
    by_bin: dict[float, list[bool]] = defaultdict(list)
    for edge, value in truth.items():
        by_bin[_bin(value)].append(is_found(edge))
    by_kind: dict[str, list[bool]] = defaultdict(list)
    near_by_kind: dict[str, list[bool]] = defaultdict(list)
    natural = set(true)
    for kind, name, source in planted:
        found = pair(name, source)
        natural.discard(found)
        by_kind[kind].append(is_found(found))
        if truth.get(found, 0.0) >= THRESHOLD:
            near_by_kind[kind].append(by_kind[kind][-1])
    near_by_kind["natural"] = [is_found(found) for found in natural]
    figures |= {f"recall at {value:.2f}": _share(hits) for value, hits in sorted(by_bin.items())}
    figures |= {f"recall of {kind}": _share(hits) for kind, hits in sorted(near_by_kind.items()) if hits}
    return figures | {f"dropped of {kind}": _share(hits) for kind, hits in sorted(by_kind.items())}


def compared(
    truth: dict[Edge, float], bands: dict[str, frozenset[int]], count: int, rows: int
) -> dict[str, float]:
    """The S-curve: share of the true pairs with a band in common, and by theory."""
    from gristmill.dedup import collision_probability

    hits: dict[float, list[bool]] = defaultdict(list)
    chances: dict[float, list[float]] = defaultdict(list)
    for (a, b), value in truth.items():
        hits[_bin(value)].append(not bands[a].isdisjoint(bands[b]))
        chances[_bin(value)].append(collision_probability(value, bands=count, rows=rows))
    figures = {"compared": _share(hit for value in hits for hit in hits[value] if value >= THRESHOLD)}
    for value in sorted(hits):
        figures[f"compared at {value:.2f}"] = _share(hits[value])
        figures[f"expected at {value:.2f}"] = sum(chances[value]) / len(chances[value])
    return figures


def _bin(value: float) -> float:
    """Lower edge of the bin; equal texts are in one of their own."""
    return round(int(value / BINS + 1e-9) * BINS, 2)


def _share(hits: Iterable[bool]) -> float:
    """Share of the true ones; 1 of none, as nothing was missed."""
    found = list(hits)
    return sum(found) / len(found) if found else 1.0


class Groups:
    """Union-find over ids."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """The id that stands for the group of this one."""
        while self._parent.get(name, name) != name:
            self._parent[name] = self._parent.get(self._parent[name], self._parent[name])
            name = self._parent[name]
        return name

    def join(self, a: str, b: str) -> None:
        """Make one group of both."""
        self._parent.setdefault(a, a)
        self._parent.setdefault(b, b)
        self._parent[self.find(a)] = self.find(b)

    def first_of_each(self, names: list[str]) -> set[str]:
        """The first of every group, and what is in none."""
        seen: dict[str, str] = {}
        for name in names:
            seen.setdefault(self.find(name), name)
        return set(seen.values())

    def count_without(self, kept: set[str]) -> int:
        """Groups of which none of these is a member."""
        alive = {self.find(name) for name in self._parent if name in kept}
        return len({self.find(name) for name in self._parent} - alive)
