"""Which languages a text may be in, by its commonest short words.

Cheap and rough: it chooses the tables by which number words are read. Whether an answer is in the language of its
passage is told by a model, see acceptance.py.
"""

from __future__ import annotations

import re
from collections import Counter

# Words that make up much of any prose; a word that several languages have counts for each of them.
_FREQUENT = {
    "en": "the a of and to in is was it for with on that as are by at be this from or an his her they which not has",
    "de": "der die das und ist ein eine von mit im den des dem nicht auf für sich zu als auch es an wird am seit bei",
    "fr": "le la les des et est un une du en que qui dans pour pas sur au il elle ce se par plus avec sont ne aux",
    "es": "el la los las de y es un una que en del por con para no se su al lo como más fue son está",
    "pt": "o a os as de e é um uma que em do da no na por com para não se ao dos foi são mais",
    "it": "il la le gli di e è un una che in del della per con non si al lo come più sono nel dei",
    "nl": "de het een en van is in op te dat voor met niet zijn aan er om ook als bij door naar",
    "da": "og det er en et af til på at i den de der for med som ikke var har fra",
}
LANGUAGES = tuple(_FREQUENT)
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(language for language in LANGUAGES if word in _FREQUENT[language].split())
    for words in _FREQUENT.values()
    for word in words.split()
}
FREQUENT_WORDS = frozenset(_LANGUAGES_OF)
_LETTERS = re.compile(r"[^\W\d_]+")
_MAX_CHARS = 2_000  # more tells no more
_FEW = 3  # words that tell too little to leave out the next language


def likely_languages(text: str, known: str | None = None) -> tuple[str, ...]:
    """Language codes (ISO 639-1) of LANGUAGES, the likeliest first; `known` alone where it is one of them.

    Two where three frequent words or fewer tell, all where none does. Deterministic; the first 2,000 characters tell.
    """
    if known in LANGUAGES:
        return (known,)
    said = Counter(_LETTERS.findall(text[:_MAX_CHARS].lower()))
    counts = Counter[str]()
    for word in said.keys() & _LANGUAGES_OF.keys():
        for language in _LANGUAGES_OF[word]:
            counts[language] += said[word]
    if not counts:
        return LANGUAGES
    ranked = sorted(LANGUAGES, key=lambda language: -counts[language])
    several = counts[ranked[0]] <= _FEW and counts[ranked[1]] > 0
    return tuple(ranked[: 2 if several else 1])
