"""A teacher without a model: lines of a document that published rules call boilerplate.

It is there for everyone and always says the same, so a refiner can be trained where no strong model is at hand. It sees
the wording and the shape of lines, not what they mean.

Sources of the rules: the line-wise corrections of RefinedWeb (arXiv 2306.01116, appendix G.2: lines mostly in upper
case, of numbers alone, counters, short lines with a pattern at their start, at their end or anywhere; the paper gives
one example of each pattern, the other words are Gristmill's), the line rules of C4 (arXiv 1910.10683, section 2.2:
policies, cookies, JavaScript), repeated lines as Gopher counts them (arXiv 2112.11446, appendix A1.1), and what the
annotation of ProX looks for (arXiv 2409.17115, appendix: navigation at the top, footers). RefinedWeb also removes every
line of one word; here only known ones go, since headings and code are such lines too, and no rule of shape touches a
line that looks like code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SHORT_WORDS = 10  # words of a short line at most; RefinedWeb, appendix G.2
MAX_POLICY_WORDS = 30  # Gristmill; C4 has no limit, but a page about cookies has long lines on them
MIN_REPEATED_WORDS = 3  # Gristmill: shorter lines repeat in code and tables
_UPPER_CASE_SHARE = 0.5  # of the characters; RefinedWeb, appendix G.2
_MIN_UPPER_CASE_LETTERS = 8  # Gristmill: not `SQL` or `NULL`
_MIN_ITEMS = 3  # of a line of links; Gristmill

_CODE = re.compile(
    r"[;={}\[\]_\"`\\<$]|\w\(|::|^\s*(?:#!|>>>|\.\.\.)"
)  # marks that prose and menus do not have
# Patterns that a hostile line could make slow never go back over it: what they repeat is possessive.
_NUMERIC = re.compile(r"(?=\D*+\d)[\s\d.,:/()#%|-]++")
_COUNTER = re.compile(
    r"(?:\W*+\d[\d.,]*+|(?:[^\w.,]*+[.,])++)\s*+[kKmM]?\+?\s*+(?:likes?|shares?|comments?|views?|replies|reply|votes?|followers?|retweets?|"
    r"points?|reviews?|ratings?|minutes? read|min read)\b\W*+",
    re.IGNORECASE,
)
_AT_START = re.compile(
    r"(?:sign[ -]?(?:in|up|out)|log[ -]?(?:in|out)|register|subscribe|share (?:this|on|via)|tweet (?:this|it)|"
    r"follow us|email this|print this|add to (?:cart|basket|wishlist)|skip to|back to top|jump to|go to (?:top|page)|"
    r"click here|related (?:articles|posts|links)|you may also like|posted (?:in|by|on)|filed under|tagged|"
    r"last (?:updated|modified)|this page was|generated (?:by|on)|powered by|built with|created using|"
    r"previous (?:topic|page|post)|next (?:topic|page|post)|this page|table of contents|page \d+|navigation|"
    r"(?:toggle|hide|show|open|close) .{0,30}\b(?:navigation|sidebar|menu|contents|mode|theme|search))\b",
    re.IGNORECASE,
)
_CHAPTERS = re.compile(r"(?:next|prev|previous|up|home)\s*:\s*\S.*", re.IGNORECASE)  # Texinfo, DocBook
_AT_END = re.compile(
    r"(?:read more|continue reading|see more|view more|show more|load more|learn more)\W*", re.IGNORECASE
)
_ANYWHERE = re.compile(
    r"\b(?:items? in (?:your )?cart|all rights reserved|leave a (?:comment|reply)|report (?:a )?bug|"
    r"show source|view source|quick search|site ?map|contact us|terms of service)\b",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright\b).{0,40}\b(?:19|20)\d\d\b|©", re.IGNORECASE)
_POLICIES = re.compile(
    r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies|accept (?:all )?cookies",
    re.IGNORECASE,
)  # the first six: C4
_ENABLE_JAVASCRIPT = re.compile(r"\benable javascript\b", re.IGNORECASE)
_JAVASCRIPT = re.compile("javascript", re.IGNORECASE)
_STATES = re.compile(
    r"\b(?:enabled?|disabled|required|turn(?:ed)? (?:on|off)|supports?)\b", re.IGNORECASE
)  # of JavaScript
# Each of _AT_END, _ANYWHERE, _COPYRIGHT and _POLICIES needs one of these, and looking for them first is much faster.
_HINTS = (
    *(
        "more",
        "cart",
        "reserved",
        "comment",
        "bug",
        "source",
        "search",
        "map",
        "contact",
        "terms",
        "policy",
        "cookies",
    ),
    *("©", "(c)", "copyright"),
)
_SEPARATORS = re.compile(r"(?:[|»«·•]|\s[>/]\s)\s*")
_MENU_WORD = re.compile(
    "home|index|contents|toc|up|top|next|prev|previous|back|forward|search|help|about|contacts?|login|logout|news|blog|"
    "archives?|faq|genindex|modules|menu|main|print|share|tweet|more|less|close|downloads?|first|last|parent|sitemap|"
    "rss|feed|subscribe|register|account|cart",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


def find_boilerplate(text: str) -> dict[int, str]:
    """Numbers of the lines that should go, from 0, each with the name of the rule that says so.

    Rules, the first that holds counts: upper_case, numeric, counter, menu, links, chapters, pattern, copyright, policy,
    javascript, repeated. Lines end at `\\n` alone. Blank lines never count. Linear in the text.
    """
    found: dict[int, str] = {}
    seen: set[str] = set()
    for number, raw in enumerate(text.split("\n")):
        line = raw.strip()
        if not line:
            continue
        rule = _rule(line, len(line.split()))
        key = " ".join(line.lower().split())
        if rule is None and key in seen and len(key.split()) >= MIN_REPEATED_WORDS and not _CODE.search(line):
            rule = "repeated"
        seen.add(key)
        if rule is not None:
            found[number] = rule
    return found


def write_program(removed: Sequence[int], lines: Sequence[str], first_line: int) -> str:
    """The program that removes these lines of a chunk, blank ones between them too; keep_chunk() for none.

    `lines` are those of the chunk, the first of which has the number `first_line` in the document.
    """
    spans: list[list[int]] = []
    for number in removed:
        between = lines[spans[-1][1] + 1 - first_line : number - first_line] if spans else []
        if spans and not any(line.strip() for line in between):
            spans[-1][1] = number
        else:
            spans.append([number, number])
    calls = [f"remove_lines(line_start={low}, line_end={high})" for low, high in spans]
    return "\n".join(calls) or "keep_chunk()"


def _rule(line: str, words: int) -> str | None:
    if not _CODE.search(line) and (rule := _rule_of_shape(line, words)):
        return rule
    if words > MAX_POLICY_WORDS:
        return None
    if _CHAPTERS.fullmatch(line):
        return "chapters"
    if words <= SHORT_WORDS and _AT_START.match(line.lstrip("-* ")):
        return "pattern"
    return _rule_of_words(line, words) or ("javascript" if _is_about_javascript(line) else None)


def _rule_of_words(line: str, words: int) -> str | None:
    lowered = line.lower()
    if line.isascii() and not any(
        hint in lowered for hint in _HINTS
    ):  # other letters may match and lower otherwise
        return None
    if words <= SHORT_WORDS and (_ANYWHERE.search(line) or _ends(line)):
        return "pattern"
    if _COPYRIGHT.search(line):
        return "copyright"
    return "policy" if _POLICIES.search(line) else None


def _rule_of_shape(line: str, words: int) -> str | None:
    if _is_upper_case(line):
        return "upper_case"
    if _NUMERIC.fullmatch(line):
        return "numeric"
    if _COUNTER.fullmatch(line):
        return "counter"
    named = _WORD.findall(line)
    if named and words <= SHORT_WORDS and all(map(_MENU_WORD.fullmatch, named)):
        return "menu"
    return "links" if _is_row_of_links(line) else None


def _is_upper_case(line: str) -> bool:
    # Most lines have few such characters, which is quickly seen; some of those are no letters, as Roman numerals.
    if sum(map(str.isupper, line)) <= _UPPER_CASE_SHARE * len(line):
        return False
    letters = [character for character in line if character.isalpha()]
    upper = sum(map(str.isupper, letters))
    return len(letters) >= _MIN_UPPER_CASE_LETTERS and upper > _UPPER_CASE_SHARE * len(line)


def _ends(line: str) -> bool:
    """Whether the line ends with one of the patterns."""
    return any(not line[found.end() :] for found in _AT_END.finditer(line))


def _is_about_javascript(line: str) -> bool:
    """Whether it says, after the first `JavaScript`, that it is on, off or needed."""
    named = _JAVASCRIPT.search(line)
    if named is None:
        return False
    return _STATES.search(line, named.end()) is not None or _ENABLE_JAVASCRIPT.search(line) is not None


def _is_row_of_links(line: str) -> bool:
    """Short pieces between separators, as in `Home | News | Contact`, or a piece of such a row, as in `Python »`."""
    if line[-1] in "»|" and len(line.split()) <= SHORT_WORDS and line.count(line[-1]) == 1:
        return True
    pieces = [piece for piece in _SEPARATORS.split(line) if piece]
    return (
        len(pieces) >= _MIN_ITEMS
        and all(len(piece.split()) <= 4 for piece in pieces)
        and sum(bool(_WORD.search(piece)) for piece in pieces) >= _MIN_ITEMS
    )
