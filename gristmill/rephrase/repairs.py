"""Repairs of what a model wrote around its rephrasing: fences, prefaces, closing remarks, quotes, bold marks.

WRAP (arXiv 2401.16380, appendix B) drops introductions by key words. The rule here is a design decision of
Gristmill: a preface must be short, stand first, and not occur in the passage; see `remove_preface`.
Everything is checked against the passage, so a text about paraphrases keeps its sentences.
"""

from __future__ import annotations

import re

from gristmill.rephrase.sentences import sentence_spans

MAX_PREFACE_CHARS = 120
MAX_PREFACE_ROUNDS = 2
_MAX_WORDS = 12  # of a preface that only ends with a colon
_MAX_WORDS_SINGLE = 6  # where the rest follows on the same line
_MAX_CLOSING_CHARS = 400

_MARKERS = (
    "paraphras", "rephras", "rewritten", "rewrite of", "reworded", "rewording", "simplified version",
    "simpler version", "conversational format", "question-and-answer format", "question and answer format",
    "high-quality english", "high quality english", "the following is a", "as an ai",
)  # fmt: skip
_LEAD_INS = ("here is", "here's", "here are", "below is", "this is", "as requested")
_CONSENT = re.compile(r"(?:sure|certainly|of course|absolutely|okay|ok)\s*[,!.:]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n")
_PAIR_TAGS = ("question:", "q:")

# Openings of a short line that ends with a colon, in more words and languages than the rule above has.
_OTHER_PREFACE = re.compile(
    r"(?:here is|here's|here are|below is|below are|voici|ci-dessous|bien sûr|hier ist|hier sind|hier eine?|"
    r"nachfolgend|gerne?|natürlich|aquí|claro|ecco)\b"
)
_CLOSING = re.compile(
    r"[(\[*_\s]*(?:i hope|let me know|please let me know|this paraphrase|this rephras|this rewrit|feel free|"
    r"if you (?:would|'d|want|need|have)|would you like|do you want me|"
    r"i (?:have|'ve|tried|kept|made|aimed) |i've |"
    r"ich (?:hoffe|habe) |falls sie |wenn (?:sie|du) (?:möchte|willst|wünsch|noch )|lass(?:en sie)? (?:es )?mich |"
    r"j'espère |j'ai |n'hésite[zr]? |si vous (?:souhait|voul|désir|avez )|souhaitez-vous |"
    r"espero que |he (?:mantenido|conservado|procurado|intentado) |si (?:quiere|desea|necesita)s? )"
)
_CLOSING_NOTE = re.compile(r"[(\[*_\s]*(?:note|hinweis|anmerkung|remarque|nota)\b")
_ABOUT_THE_TASK = re.compile(
    r"\b(?:original|passage|text|version|paragraph|chosen|wording|tone|term|style|wortlaut|fassung|absatz|stil|"
    r"texte|registre|reformul\w+|texto|estilo|versión)\b"
)
# Sentences that only an assistant writes, also where they follow on the last line.
_TO_THE_READER = re.compile(
    r"[(\[*_\s]*(?:i hope (?:this|that|these|it)\b.{0,60}?"
    r"\b(?:helps?|useful|clear|easier|enough|expectations|looking for)\b"
    r"|(?:please )?let me know (?:if|whether|should)|feel free to (?:ask|let|reach)|would you like me to"
    r"|ich hoffe,? (?:das|dies|der text)\b|lass(?:en sie)? (?:es )?mich wissen"
    r"|j'espère que (?:cela|ce texte|cette)|n'hésite[zr]? pas à"
    r"|espero que (?:esto|este)|no dude[sn]? en)"
)
_FENCE = re.compile(r"(`{3,}|~{3,})[^\n`]*\n(.*?)\n?[^\S\n]*\1[^\S\n]*", re.DOTALL)
_ECHOED_MARKS = re.compile(r"<(passage(?:-\d+)?)>(.*)</\1>", re.DOTALL)
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")


def strip_fence(text: str) -> str:
    """The text without a pair of code fences, or of the prompt's own passage marks, that spans all of it."""
    fenced = _FENCE.fullmatch(text)
    if fenced and fenced.group(1) not in fenced.group(2):
        return fenced.group(2).strip()
    echoed = _ECHOED_MARKS.fullmatch(text)
    return echoed.group(2).strip() if echoed else text


def remove_preface(generated: str, source: str) -> tuple[str, list[str], str | None]:
    """(text without its prefaces, the prefaces removed, "empty" where nothing is left or None).

    At most two are cut. A candidate is what stands before the first blank line; else a first line that ends
    with a colon; else the text up to the first colon. It must have at most 120 characters, not begin a pair
    of question and answer, and not occur in the passage (letter case, apostrophes and white space aside).
    """
    text = generated.strip()
    in_source = _normalise(source)
    removed: list[str] = []
    while text and len(removed) < MAX_PREFACE_ROUNDS:
        candidate, single = _candidate(text)
        preface = candidate.strip()
        if not candidate or len(preface) > MAX_PREFACE_CHARS:
            break
        if not _is_preface(_normalise(preface), in_source, single):
            break
        removed.append(preface)
        text = text[len(candidate) :].strip()
    return text, removed, None if text else "empty"


def remove_other_preface(text: str, source: str) -> str:
    """The text without a short first line that announces it and ends with a colon, in English or other
    languages.
    """
    first, _, rest = text.partition("\n")
    line = _normalise(first)
    announces = line.rstrip("* ").endswith(":") and _OTHER_PREFACE.match(line.lstrip("* ")) is not None
    if rest.strip() and announces and len(line) <= MAX_PREFACE_CHARS and line not in _normalise(source):
        return rest.strip()
    return text


def remove_closing_remark(text: str, source: str) -> str:
    """The text without a last paragraph or line that speaks to the reader about the task, and without last
    sentences that do.
    """
    given = _normalise(source)
    paragraphs = list(_BLANK_LINE.finditer(text))
    cut = len(text)
    if paragraphs and _is_closing(text[paragraphs[-1].end() :], given):
        cut = paragraphs[-1].start()
    elif (line := text.rfind("\n")) > 0 and _is_closing(text[line:], given, surely=True):
        cut = line
    text = text[:cut].strip()
    spans = sentence_spans(text)
    while len(spans) > 1:
        said = _normalise(text[slice(*spans[-1])])
        if not _TO_THE_READER.match(said) or said in given:
            break
        spans.pop()
        text = text[: spans[-1][1]]
    return text


def _is_closing(last: str, given: str, *, surely: bool = False) -> bool:
    """Whether it speaks to the reader about the task; `surely` where it may well belong to the text."""
    remark = _normalise(last)
    if len(last) > _MAX_CLOSING_CHARS or remark in given:
        return False
    about_the_task = (
        any(marker in remark for marker in _MARKERS) or _ABOUT_THE_TASK.search(remark) is not None
    )
    opening = _CLOSING.match(remark)
    if opening is not None and opening.group().strip(" ([*_") not in given:
        return not surely or about_the_task or _TO_THE_READER.match(remark) is not None
    return about_the_task and _CLOSING_NOTE.match(remark) is not None


def strip_quotes(text: str) -> str:
    """The text without one pair of double quotes around all of it; inner quotes keep it as it is."""
    for opening, closing in (('"', '"'), ("“", "”")):
        inner = text[1:-1]
        if (
            len(text) > 2
            and text[0] == opening
            and text[-1] == closing
            and opening not in inner
            and closing not in inner
        ):
            return inner.strip()
    return text


def strip_bold(text: str, source: str) -> str:
    """The text without `**` around words, unless the passage has such marks itself."""
    return text if "**" in source else _BOLD.sub(r"\1", text)


def _candidate(text: str) -> tuple[str, bool]:
    """What may be a preface, and whether the rest follows on its own line."""
    blank = _BLANK_LINE.search(text)
    if blank:
        return text[: blank.start()], False
    line, newline, _ = text.partition("\n")
    if newline and line.rstrip().endswith(":"):
        return line, False
    before, colon, _ = text.partition(":")
    return (before + colon if colon else ""), True


def _is_preface(candidate: str, in_source: str, single: bool) -> bool:
    if candidate.startswith(_PAIR_TAGS) or candidate in in_source:
        return False
    if candidate.startswith("as an ai") or _CONSENT.match(candidate):
        return True
    if not any(marker in candidate for marker in _MARKERS):
        return False
    if any(lead_in in candidate for lead_in in _LEAD_INS):
        return True
    max_words = _MAX_WORDS_SINGLE if single else _MAX_WORDS
    return candidate.rstrip("*").endswith(":") and len(candidate.split()) <= max_words


def _normalise(text: str) -> str:
    """Lower case, straight apostrophes, one space for each run of white space."""
    return " ".join(text.lower().replace("’", "'").split())
