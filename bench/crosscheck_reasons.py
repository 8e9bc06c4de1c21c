"""Why two engines of deduplication disagree on a pair or a document: every disagreement gets one reason.

A pair is judged by its true Jaccard similarity, counted twice: with our shingles and with the other engine's. What
neither a similarity, nor chance, nor a rule explains is `unexplained`, and that is what a cross-check is for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from bench.dedup_files import Edge, pair
from bench.dedup_scores import Groups
from bench.dedup_truth import Hashes, count_common
from gristmill.dedup import collision_probability

BELOW = "below the threshold"
OTHER_WORDS = "other words or normalisation"
MISSED = "missed by the bands"
SHORT = "too short for a shingle"
CHAINED = "chained"
CUT = "comparisons cut short"
UNEXPLAINED = "unexplained"
REASONS = {
    UNEXPLAINED: "none of the reasons below; look at these",
    MISSED: "similar enough by the words of the one that missed it, no band in common by chance",
    OTHER_WORDS: "similar enough by the words of one engine only",
    SHORT: "a text of less than a shingle, which one of the engines compares as a whole only, or not at all",
    CUT: "the document was compared with max_candidates others before",
    CHAINED: "the other engine joins them through other documents only",
    BELOW: "similar enough by the words of neither: a band in common by chance, and no verification",
}
UNLIKELY = 0.01  # expected number of pairs below which chance explains nothing
MAX_CHAIN = 100  # members of a cluster that are compared with each other to prove a chain


@dataclass(frozen=True)
class Engine:
    """How an engine sees texts: shingles by id, and the chance that it compares two of a similarity."""

    shingles: Callable[[str], Hashes]
    bands: int
    rows: int

    def similarity(self, a: str, b: str) -> float | None:
        """True Jaccard similarity by the shingles of this engine; null where a text has none."""
        left, right = self.shingles(a), self.shingles(b)
        if not (len(left) and len(right)):
            return None
        common, union = count_common(left, right)
        return common / union

    def chance(self, similarity: float) -> float:
        """That it compares a pair."""
        return collision_probability(similarity, bands=self.bands, rows=self.rows)


@dataclass(frozen=True)
class Ours(Engine):
    """Our side: decisions, and what decides whether any two documents are neighbours."""

    ids: list[str] = field(default_factory=list)  # in order
    twins: dict[str, str] = field(default_factory=dict)  # of dropped documents
    cut_short: set[str] = field(default_factory=set)  # compared with as many as is allowed, and kept
    equal: Callable[[str, str], bool] = lambda a, b: False  # after normalisation
    share_band: Callable[[str, str], bool] = lambda a, b: False
    verify: bool = True


@dataclass(frozen=True)
class Theirs(Engine):
    """The other side; see Found of bench/dedup_engines.py."""

    edges: list[Edge] = field(default_factory=list)
    direct: bool = True
    complete: bool = True


class Disagreement(NamedTuple):
    """A pair that one side joins, why the other does not, and how alike the two are by the words of both."""

    pair: Edge  # later document first
    reason: str
    our_similarity: float | None
    their_similarity: float | None


@dataclass
class Report:
    """What both engines join and drop, and what only one of them does."""

    pairs_of_both: int = 0
    drops_of_both: int = 0
    only_ours: list[Disagreement] = field(default_factory=list)
    only_theirs: list[Disagreement] = field(default_factory=list)
    drops_only_ours: dict[str, str] = field(default_factory=dict)  # reason by id
    drops_only_theirs: dict[str, str] = field(default_factory=dict)
    expected_misses: dict[str, float] = field(default_factory=dict)  # by theory, of "ours" and "theirs"


def compare(ours: Ours, theirs: Theirs, *, threshold: float) -> Report:
    """Judge every pair and every drop that only one of the engines has.

    Our pairs are dropped documents with the twin that is named, and those of theirs that we would join too.
    """
    return _Comparison(ours, theirs, threshold).report()


class _Comparison:
    def __init__(self, ours: Ours, theirs: Theirs, threshold: float) -> None:
        self.ours, self.theirs, self.threshold = ours, theirs, threshold
        self.place = {name: i for i, name in enumerate(ours.ids)}
        self.groups = Groups()
        for a, b in theirs.edges:
            self.groups.join(a, b)
        self.their_pairs = {pair(a, b) for a, b in theirs.edges}

    def report(self) -> Report:
        ours, found = self.ours, Report()
        our_edges = list(ours.twins.items())
        their_edges = sorted({self._later_first(edge) for edge in self.their_pairs}, key=self._key)
        found.expected_misses = {
            "ours": self._expected_misses(ours, their_edges),
            "theirs": self._expected_misses(self.theirs, our_edges),
        }
        for edge in our_edges:
            if self._they_join(edge):
                found.pairs_of_both += 1
            else:
                found.only_ours.append(self._judge_ours(edge, len(our_edges)))
        counted = {pair(*edge) for edge in our_edges}
        joined = {edge for edge in their_edges if self._we_join(edge)}
        found.pairs_of_both += sum(pair(*edge) not in counted for edge in joined)
        found.only_theirs = [
            self._judge_theirs(edge, len(their_edges)) for edge in their_edges if edge not in joined
        ]
        self._judge_drops(found, joined)
        return found

    # -- pairs ----------------------------------------------------------------------------------------------

    def _we_join(self, edge: Edge) -> bool:
        if self.ours.equal(*edge):
            return True
        if not self.ours.share_band(*edge):
            return False
        return not self.ours.verify or self._reaches(self.ours.similarity(*edge))

    def _they_join(self, edge: Edge) -> bool:
        if self.theirs.complete:
            return pair(*edge) in self.their_pairs
        return self.groups.find(edge[0]) == self.groups.find(edge[1])

    def _judge_ours(self, edge: Edge, count: int) -> Disagreement:
        our, their = self.ours.similarity(*edge), self.theirs.similarity(*edge)
        if their is None:
            reason = SHORT
        elif not self._reaches(their):
            # Without verification even our edges may be unlike.
            reason = OTHER_WORDS if our is None or self._reaches(our) else BELOW
        else:
            reason = MISSED if count * (1 - self.theirs.chance(their)) >= UNLIKELY else UNEXPLAINED
        return Disagreement(edge, reason, our, their)

    def _judge_theirs(self, edge: Edge, count: int) -> Disagreement:
        our, their = self.ours.similarity(*edge), self.theirs.similarity(*edge)
        if our is None:
            reason = SHORT
        elif self._reaches(our):
            reason = MISSED if count * (1 - self.ours.chance(our)) >= UNLIKELY else UNEXPLAINED
        elif their is None:
            reason = UNEXPLAINED
        elif self._reaches(their):
            reason = OTHER_WORDS
        elif not self.theirs.direct and self._is_chain(edge):
            reason = CHAINED
        else:
            all_pairs = len(self.ours.ids) * (len(self.ours.ids) - 1) / 2
            likely = not self.theirs.direct or all_pairs * self.theirs.chance(their) >= UNLIKELY
            reason = BELOW if likely else UNEXPLAINED
        return Disagreement(edge, reason, our, their)

    def _is_chain(self, edge: Edge) -> bool:
        """Whether pairs that are similar by their words lead from one to the other."""
        root = self.groups.find(edge[0])
        members = sorted({name for one in self.their_pairs for name in one if self.groups.find(name) == root})
        links = Groups()
        for a, b in combinations(members[:MAX_CHAIN], 2):
            if self._reaches(self.theirs.similarity(a, b)):
                links.join(a, b)
        return links.find(edge[0]) == links.find(edge[1])

    def _expected_misses(self, engine: Engine, edges: Iterable[Edge]) -> float:
        """How many of these pairs, which the other engine joins, this one's bands miss by theory."""
        similarities = (engine.similarity(*edge) for edge in edges)
        return float(sum(1 - engine.chance(s) for s in similarities if s is not None and self._reaches(s)))

    def _reaches(self, similarity: float | None) -> bool:
        return similarity is not None and similarity >= self.threshold

    # -- drops ----------------------------------------------------------------------------------------------

    def _judge_drops(self, found: Report, joined: set[Edge]) -> None:
        """Theirs are all but the first document of every cluster, whichever the engine itself keeps."""
        kept = self.groups.first_of_each(self.ours.ids)
        dropped = {name for name in self.ours.ids if name not in kept}
        found.drops_of_both = len(dropped & self.ours.twins.keys())
        why_ours = {one.pair[0]: one.reason for one in found.only_ours}
        found.drops_only_ours = {
            name: why_ours.get(name, UNEXPLAINED) for name in self.ours.twins if name not in dropped
        }
        why_theirs: dict[str, list[str]] = defaultdict(list)
        for one in found.only_theirs:
            why_theirs[one.pair[0]].append(one.reason)
        for later, _ in joined:  # we join it with an earlier one, and should have dropped it
            why_theirs[later].append(CUT if later in self.ours.cut_short else UNEXPLAINED)
        found.drops_only_theirs = {
            # Of several reasons the one that stands first in REASONS; without an earlier partner it is a chain.
            name: min(why_theirs.get(name, [CHAINED]), key=list(REASONS).index)
            for name in self.ours.ids
            if name in dropped and name not in self.ours.twins
        }

    def _later_first(self, edge: Edge) -> Edge:
        a, b = edge
        return (a, b) if self.place[a] > self.place[b] else (b, a)

    def _key(self, edge: Edge) -> tuple[int, int]:
        return self.place[edge[0]], self.place[edge[1]]


def count_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason is given, in their order."""
    counted = Counter(reasons)
    return {reason: counted[reason] for reason in REASONS if counted[reason]}
