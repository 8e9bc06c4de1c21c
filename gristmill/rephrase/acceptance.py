"""Whether a rephrasing is taken: repairs and rules in a fixed order, the first that fails names the reason.

The order, after WRAP (arXiv 2401.16380, appendix B) and the design of Gristmill:
  1 incomplete (the length limit stopped the model), empty
  2 code fence or passage marks around all: cut      3 preface: cut      4 closing remark: cut
  5 quotes around all, bold marks: cut
  6 refusal, template_leak      7 qa_format; markdown; incomplete (ends inside a sentence)
  8 ratio      9 copied; loop      10 novel_number, novel_name, novel_url, novel_words      11 language
A rule that is off (`None`) is passed over. Nothing here raises, whatever the model wrote. Rules count words,
not tokens of a model, so that figures of different models compare; an East Asian character counts as a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gristmill.rephrase import leaks, repairs
from gristmill.rephrase.faithfulness import novel_items, novel_word_share
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.pairs import format_pairs, parse_pairs, split_pairs, without_tags
from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.styles import Template

IdentifyLanguage = Callable[[list[str]], list[tuple[str, float]]]

REASONS = (
    "incomplete", "empty", "refusal", "template_leak", "qa_format", "markdown", "ratio", "copied", "loop",
    "novel_number", "novel_name", "novel_url", "novel_words", "language",
)  # fmt: skip

_COPY_GRAM = 8  # words
_LOOP_GRAM = 3
_MIN_WORDS_FOR_LOOPS = 20  # shorter texts repeat words by chance
_MIN_TELLING_CHARS = 4  # of a word by which an answer says something; shorter ones are mostly grammar
_MIN_LANGUAGE_CHARS = 60  # a shorter part is not enough to tell a language
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_SENTENCE_END = re.compile(r"[.!?…。！？:;][\"'”’»›)\]*`」』]*\s*\Z|[。！？」』]\Z")


@dataclass(frozen=True)
class Verdict:
    """What became of one answer: `text` after the repairs, `reason` of the rejection or None."""

    text: str
    reason: str | None
    repairs: tuple[str, ...] = ()
    number_recall: float | None = None


def judge(
    generated: str,
    source: str,
    template: Template,
    *,
    finish_reason: str = "stop",
    options: AcceptanceOptions,
) -> Verdict:
    """The verdict by all rules but `language` on what a model wrote for a passage. Never raises; linear."""
    if finish_reason == "length":
        return Verdict(generated.strip(), "incomplete")
    text, done = _repair(generated, source)
    verdict = Verdict(text, None, done)
    if not text:
        return replace(verdict, reason="empty")
    if leaks.finds_refusal(text, source):
        return replace(verdict, reason="refusal")
    if leaks.finds_template_leak(text, source, template.own_words):
        return replace(verdict, reason="template_leak")
    if template.format == "qa":
        parsed = parse_pairs(text)
        if parsed.problem is not None:
            return replace(verdict, reason="qa_format")
        pairs = _grounded(parsed.pairs, source, options)
        if not pairs:
            return replace(verdict, reason="novel_words")
        text = format_pairs(pairs)
        dropped = ("ungrounded",) if len(pairs) < len(parsed.pairs) else ()
        done = tuple(dict.fromkeys((*done, *parsed.repairs, *dropped)))
        verdict = Verdict(text, None, done)
    words_only = without_tags(text) if template.format == "qa" else text
    if options.markdown and leaks.finds_markdown(words_only, source):
        return replace(verdict, reason="markdown")
    if options.final_punctuation and template.format == "prose" and _ends_inside_sentence(text, source):
        return replace(verdict, reason="incomplete")
    if reason := _breaks_proportions(text, words_only, source, template.format, options):
        return replace(verdict, reason=reason)
    return _check_faithfulness(verdict, words_only, source, options)


def reject_other_languages(
    verdicts: Sequence[Verdict],
    sources: Sequence[str],
    languages: Sequence[str | None],
    identify_language: IdentifyLanguage,
    *,
    min_score: float,
) -> list[Verdict]:
    """The verdicts, with accepted texts in another language than their passage's rejected as `language`.

    `languages` are the documents' own, null where unknown; what `identify_language` finds for the passage is
    allowed too, since a passage may differ from its document. The text as a whole and its halves are looked
    at, so that a switch in the middle is found.
    """
    probes: list[str] = []
    owners: list[int] = []
    for index, verdict in enumerate(verdicts):
        if verdict.reason is None:
            parts = _language_parts(without_tags(verdict.text))
            probes += [sources[index], *parts]
            owners += [index] * (1 + len(parts))
    found = identify_language([" ".join(probe.split()) for probe in probes]) if probes else []
    allowed: dict[int, set[str]] = {}
    checked = list(verdicts)
    for index, (language, score) in zip(owners, found, strict=True):
        if index not in allowed:
            own = languages[index]
            allowed[index] = {language} | ({own} if own is not None else set())
        elif language not in allowed[index] and score >= min_score:
            checked[index] = replace(verdicts[index], reason="language")
    return checked


def words(text: str) -> list[str]:
    """The words of a text in lower case; an East Asian character is a word."""
    return _WORD.findall(text.lower())


def distinct_ratio(tokens: Sequence[str], size: int = _LOOP_GRAM) -> float:
    """Distinct runs of `size` words / all such runs; 1 where there is none."""
    total = len(tokens) - size + 1
    return len({tuple(tokens[i : i + size]) for i in range(total)}) / total if total > 0 else 1.0


def _repair(generated: str, source: str) -> tuple[str, tuple[str, ...]]:
    """The text after the repairs, and the names of those that changed it."""
    text = generated.strip()
    done = []
    steps: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("fence", repairs.strip_fence),
        ("preface", lambda t: repairs.remove_preface(t, source)[0]),
        ("preface", lambda t: repairs.remove_other_preface(t, source)),
        ("closing", lambda t: repairs.remove_closing_remark(t, source)),
        ("fence", repairs.strip_fence),  # a fence may have stood behind the preface
        ("quotes", repairs.strip_quotes),
        ("bold", lambda t: repairs.strip_bold(t, source)),
    )
    for name, step in steps:
        repaired = step(text)
        if repaired != text:
            done.append(name)
            text = repaired
    return text, tuple(dict.fromkeys(done))


def _grounded(pairs: list[tuple[str, str]], source: str, options: AcceptanceOptions) -> list[tuple[str, str]]:
    """The pairs that are taken from the passage; all where `max_novel_words` is off.

    Such a pair has few words that the passage lacks, and its answer a word of the passage that the question lacks.
    """
    bound = options.max_novel_words
    if bound is None:
        return pairs
    given = set(words(source))
    return [
        (question, answer)
        for question, answer in pairs
        if novel_word_share(f"{question} {answer}", source) <= bound
        and any(
            len(word) >= _MIN_TELLING_CHARS or word.isdigit()
            for word in given & set(words(answer)) - set(words(question))
        )
    ]


def _ends_inside_sentence(text: str, source: str) -> bool:
    return _SENTENCE_END.search(source.rstrip()) is not None and _SENTENCE_END.search(text) is None


def _breaks_proportions(
    text: str, words_only: str, source: str, form: str, options: AcceptanceOptions
) -> str | None:
    """`ratio`, `copied` or `loop`, or None."""
    bounds = options.ratio_qa if form == "qa" else options.ratio
    if bounds is not None and not bounds[0] <= len(text) / max(1, len(source)) <= bounds[1]:
        return "ratio"
    written, given = words(words_only), words(source)
    if options.max_copied_run is not None and _copies_run(written, given, options.max_copied_run):
        return "copied"
    if options.max_copied_8grams is not None and _copied_share(written, given) > options.max_copied_8grams:
        return "copied"
    if options.min_distinct_3grams is not None:
        least = options.min_distinct_3grams * distinct_ratio(given)
        # An answer repeats words of its question; that is no loop.
        parts = [words(part) for part in split_pairs(text)] if form == "qa" else [written]
        if any(len(part) >= _MIN_WORDS_FOR_LOOPS and distinct_ratio(part) < least for part in parts):
            return "loop"
    return None


def _copies_run(written: list[str], given: list[str], max_share: float) -> bool:
    """Whether a run of more than `max_share` of the words written stands in the passage."""
    length = int(max_share * len(written)) + 1
    if length > len(written):
        return False
    haystack = f" {' '.join(given)} "
    return any(f" {' '.join(written[i : i + length])} " in haystack for i in range(len(written) - length + 1))


def _copied_share(written: list[str], given: list[str]) -> float:
    total = len(written) - _COPY_GRAM + 1
    if total <= 0:
        return 0.0
    known = {tuple(given[i : i + _COPY_GRAM]) for i in range(len(given) - _COPY_GRAM + 1)}
    return sum(tuple(written[i : i + _COPY_GRAM]) in known for i in range(total)) / total


def _check_faithfulness(
    verdict: Verdict, words_only: str, source: str, options: AcceptanceOptions
) -> Verdict:
    items = novel_items(words_only, source)
    verdict = replace(verdict, number_recall=items.number_recall)
    if options.max_novel_numbers is not None and len(items.numbers) > options.max_novel_numbers:
        return replace(verdict, reason="novel_number")
    allowed_names = options.max_novel_names_per_100_words
    if allowed_names is not None and 100 * len(items.names) > allowed_names * len(words(words_only)):
        return replace(verdict, reason="novel_name")
    if options.max_novel_urls is not None and len(items.urls) > options.max_novel_urls:
        return replace(verdict, reason="novel_url")
    if options.max_novel_words is not None and novel_word_share(words_only, source) > options.max_novel_words:
        return replace(verdict, reason="novel_words")
    return verdict


def _language_parts(text: str) -> list[str]:
    """The text, and its two halves at a sentence end where both are long enough to tell a language."""
    spans = sentence_spans(text)
    cut = next((start for start, _ in spans[1:] if 2 * start >= len(text)), None)
    cut = cut if cut is not None else (spans[-1][0] if len(spans) > 1 else 0)
    halves = [text[:cut].strip(), text[cut:].strip()]
    return [text, *halves] if min(map(len, halves)) >= _MIN_LANGUAGE_CHARS else [text]
