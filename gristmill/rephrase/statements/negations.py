"""A negation that the rephrasing has lost or added: "is not a suspect" for "is a suspect".

A statement of one text that is negated is looked for in the other by the words around the negation. It counts as
found in a sentence that has most words of the clause, or the very word that the negation stands beside and half of
its sentence. Where such a sentence has no word at all that denies, forbids, restricts or delays, the negation is
lost; the same with the texts exchanged finds an added one. Paraphrases deny in many ways ("remained open" for "was
not closed"), so the list of such words is wide, and a negation in all new words is not found. English, German and
French; the lists are our own. Figures: docs/stages/acceptance.md. Clauses times sentences; no randomness.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gristmill.rephrase.statements.content import Content, Mark

_MIN_WORDS_OF_CLAUSE = 4  # of a clause that are found again, and
_MIN_SHARE_OF_CLAUSE = 0.6
_MIN_OTHER_WORDS = 3  # of the sentence, besides the word that is negated, and
_MIN_SHARE_OF_SENTENCE = 0.5

# "Not only" and its like affirm; "no more than" sets a bound, which is said in many ways.
_NEGATES = re.compile(
    r"(?:\b(?:not|never|cannot|no longer|nicht|niemals|nie|kein(?:e[nmrs]?)?|pas|jamais|aucune?)\b|n['’]t\b"
    r"|\bno\b(?=\s+[a-z]))(?!\s+(?:only|just|merely|least|solely|more|fewer|less|later|earlier|sooner|until|bigger"
    r"|larger|greater|smaller|better|worse|stronger|faster|nur|erst|bloß"
    r"|allein|zuletzt|mehr|weniger|später|seulement|uniquement|moins|plus)\b)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;:()\u2013\u2014]|\b(?:and|but|because|while|which|who|that|und|aber|weil|denn|dass|et|mais|car|qui)\b"
)
# Words by which a sentence may deny, forbid, restrict, end or delay what another one negates.
_DENIALS = {
    "en": (
        "not never cannot no none nobody nothing nowhere neither nor without unable unaware unchanged unlike "
        "unnecessary untouched unfit unavailable unsuitable unsafe untrue unharmed unaffected unknown unused "
        "unwanted undo unreliable unclear uncertain unwise unscathed undamaged instead rather only solely hardly "
        "scarcely barely seldom rarely little few fewer less against devoid free barred wrong lest beyond too "
        "illegal illicit void unless otherwise except far alien leave left exempt immune until till before yet "
        "maximum most ceiling limit least impossible impermissible impractical improper oppose opposed other "
        "alone closed shut still bar gave\\sup gives?\\sup given\\sup giving\\sup"
    ),
    "de": (
        "nicht nie niemals niemand nichts kein keine keinen keinem keiner keines ohne weder nur statt anstatt "
        "lediglich allein frei los sondern gegen kaum weniger erst bis höchstens maximal selten außer nirgends "
        "mitnichten unter seit"
    ),
    "fr": (
        "pas ne n jamais aucun aucune sans ni non sauf seul seule seulement point rien personne guère hors contre "
        "trop plus avant jusqu depuis maximum rarement excepté"
    ),
}
_DENYING_STEMS = {
    "en": (
        "non refus reject forb prohib ban exclu avoid fail lack den declin stop abst interdic eschew preclu prevent "
        "proscri absen neglect ceas waiv forg foreclos withh laps omit spar differ dis inabil incapab invalid "
        "inadmis ineligib inoperat inactiv incomplet insuffic incorrect inaccurat indigest ineffect infeas remov "
        "drop end vanish restrict limit reserv discontinu delay postpon resist surrend abando relinq renounc miss deni "
        "reject contra immun"
    ),
    "de": (
        "unmög unzul unnö unver unge unsch unbe unfäh verbot verbie ausgeschl ausschl fehl entf vermei verzicht "
        "ablehn abgelehn untersag sperr scheit weiger versag entbehr aufgeb aufgab aufgegeb"
    ),
    "fr": (
        "interdi proscri exclu refus évit inuti incap impos invalid impropr irrecev défens manqu échou renonc rejet "
        "abandon cess"
    ),
}


class _Clause(NamedTuple):
    marks: tuple[Mark, ...]
    beside: str  # key of the word that the negation stands at
    sentence: frozenset[str]


class _Sentence(NamedTuple):
    keys: frozenset[str]
    denies: bool


def finds_changed_negation(written: Content, given: Content) -> bool:
    """Whether a negation of the passage (`given`) is lost in its rephrasing, or one of the rephrasing new."""
    language = given.languages[0]
    if language not in _DENIALS:
        return False
    return _loses(given, written, language) or _loses(written, given, language)


def _loses(first: Content, second: Content, language: str) -> bool:
    """Whether something that the first text negates stands in the second one without a denial."""
    clauses = _negated_clauses(first)
    if not clauses:
        return False
    sentences = _sentences(second, language)
    counts = Counter(mark.key for mark in first.marks)
    return any(
        _comes_back_whole(clause, sentences)
        or (counts[clause.beside] == 1 and _comes_back_beside(clause, sentences))
        for clause in clauses
    )


def _comes_back_whole(clause: _Clause, sentences: Sequence[_Sentence]) -> bool:
    """Whether the sentence with most words of the clause has nearly all of them, and no denial."""
    keys = frozenset(mark.key for mark in clause.marks)
    best = max(sentences, key=lambda sentence: len(keys & sentence.keys), default=None)
    if best is None or best.denies or any(s.denies and clause.beside in s.keys for s in sentences):
        return False
    found = len(keys & best.keys)
    return found >= _MIN_WORDS_OF_CLAUSE and found >= _MIN_SHARE_OF_CLAUSE * len(keys)


def _comes_back_beside(clause: _Clause, sentences: Sequence[_Sentence]) -> bool:
    """Whether no sentence with the negated word denies, and one of them is about the same."""
    with_word = [sentence for sentence in sentences if clause.beside in sentence.keys]
    others = clause.sentence - {clause.beside}
    least = max(_MIN_OTHER_WORDS, _MIN_SHARE_OF_SENTENCE * len(others))
    return not any(sentence.denies for sentence in with_word) and any(
        len(others & sentence.keys) >= least for sentence in with_word
    )


def _negated_clauses(content: Content) -> list[_Clause]:
    clauses = []
    for start, stop in content.sentences:
        if not _NEGATES.search(content.text, start, stop):
            continue
        in_sentence = [mark for mark in content.marks if start <= mark.start < stop]
        ends = [match.end() for match in _CLAUSE_END.finditer(content.text, start, stop)]
        for begin, end in zip([start, *ends], [*ends, stop], strict=True):
            marks = tuple(mark for mark in in_sentence if begin <= mark.start < end)
            for negation in _NEGATES.finditer(content.text, begin, end):
                after = [mark for mark in marks if mark.start >= negation.end()]
                before = [mark for mark in marks if mark.end <= negation.start()]
                if beside := after[:1] or before[-1:]:
                    sentence = frozenset(mark.key for mark in in_sentence)
                    clauses.append(_Clause(marks, beside[0].key, sentence))
    return clauses


def _sentences(content: Content, language: str) -> list[_Sentence]:
    """The sentences of a text; a question and its answer are one."""
    spans: list[tuple[int, int]] = []
    for start, stop in content.sentences:
        if spans and content.text[spans[-1][1] - 1] == "?":
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    denial = _DENIAL_PATTERNS[language]
    return [
        _Sentence(
            frozenset(mark.key for mark in content.marks if start <= mark.start < stop),
            denial.search(content.text, start, stop) is not None,
        )
        for start, stop in spans
    ]


def _pattern(words: str, stems: str) -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:{'|'.join(words.split())}|(?:{'|'.join(stems.split())})\w*|un\w{{4,}}(?:ed|en|able|ible|ing|ful|t))\b"
        r"|n['’]t\b|\bfirst\b[^.]{0,60}\bsince\b|\berste\w?\b[^.]{0,60}\bseit\b",
        re.IGNORECASE,
    )


_DENIAL_PATTERNS = {
    language: _pattern(words, _DENYING_STEMS[language]) for language, words in _DENIALS.items()
}
