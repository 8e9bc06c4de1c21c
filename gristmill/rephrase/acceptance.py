"""Whether a rephrasing is taken: repairs and rules in a fixed order, the first that fails names the reason.

The order, after WRAP (arXiv 2401.16380, appendix B) and the design of Gristmill:
  1 incomplete (the length limit stopped the model), empty
  2 prefix that the prompt asks for, code fence or passage marks around all: cut
  3 preface: cut      4 closing remark: cut
  5 quotes around all, bold marks: cut
  6 refusal, no_prefix, template_leak
  7 qa_format, unanchored, list_format, table_format, math_format, arithmetic, tutorial_format; markdown; incomplete
    (ends inside a sentence)
  8 ratio      9 copied; loop      10 novel_number, novel_name, novel_url, novel_words
  11 unrelated, loop (in other words), exchanged, negation, dropped_fact; see statements/      12 language
  13 dissimilar (where a model of sentence embeddings is given)
Files of code are judged by rules of their own, see code/answers.py.
A rule that is off (`None`) is passed over. Nothing here raises, whatever the model wrote. Rules count words,
not tokens of a model, so that figures of different models compare; an East Asian character counts as a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gristmill.rephrase import leaks, repairs
from gristmill.rephrase.anchors import (
    AnchoredPair,
    anchor_pairs,
    drop_like_questions,
    format_anchored,
    read_anchored,
)
from gristmill.rephrase.code.answers import take_file
from gristmill.rephrase.faithfulness import novel_items, novel_word_share
from gristmill.rephrase.formats import Shape, shape
from gristmill.rephrase.markdown import remove_markdown
from gristmill.rephrase.nemotron_cc import clean_compat, cut_prefix, drop_passage_lines, strip_outer_quotes
from gristmill.rephrase.options import AcceptanceOptions
from gristmill.rephrase.pairs import format_pairs, parse_pairs, without_tags
from gristmill.rephrase.proportions import breaks_proportions
from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.statements.rules import find_statement_fault
from gristmill.rephrase.styles import Template
from gristmill.rephrase.words import words
from gristmill.workers import Workers

IdentifyLanguage = Callable[[list[str]], list[tuple[str, float]]]
CompareTexts = Callable[[list[str], list[str]], list[float]]  # cosines of texts with others, pair by pair

REASONS = (
    "incomplete", "empty", "refusal", "no_prefix", "template_leak", "qa_format", "unanchored", "list_format",
    "table_format", "math_format", "arithmetic", "tutorial_format", "markdown", "ratio", "copied", "loop",
    "novel_number", "novel_name", "novel_url", "novel_words", "unrelated",
    "exchanged", "negation", "dropped_fact", "language",
    "dissimilar", "code_fence", "code_chat", "code_language", "code_lines", "code_syntax", "code_dependency",
)  # fmt: skip

_MANY = 1_000  # answers that one process judges in 7 to 10 s; others take 2 to 3 s to start
_MIN_TELLING_CHARS = 4  # of a word by which an answer says something; shorter ones are mostly grammar
_MIN_LANGUAGE_CHARS = 60  # a shorter part is not enough to tell a language
_SENTENCE_END = re.compile(r"[.!?…。！？:;][\"'”’»›)\]*`」』]*\s*\Z|[。！？」』]\Z")


@dataclass(frozen=True)
class Verdict:
    """What became of one answer: `text` after the repairs, `reason` of the rejection or None."""

    text: str
    reason: str | None
    repairs: tuple[str, ...] = ()
    number_recall: float | None = None
    similarity: float | None = None  # cosine with the passage, where it was asked for
    anchored: tuple[AnchoredPair, ...] = ()  # the pairs of `text` with their places in the passage
    dropped: tuple[str, ...] = ()  # why other pairs are not in `text`, one reason for each


@dataclass(frozen=True)
class Checks:
    """The rules with the models that two of them need; without a model its rule is passed over.

    With `workers`, many answers are judged by several processes.
    """

    options: AcceptanceOptions
    identify_language: IdentifyLanguage | None = None
    compare_texts: CompareTexts | None = None
    workers: Workers | None = None


@dataclass(frozen=True)
class Candidate:
    """What a model wrote for a passage; `language` is the document's, null where unknown, and `programming_language`
    a seed's.
    """

    generated: str
    source: str
    template: Template
    finish_reason: str = "stop"
    language: str | None = None
    programming_language: str | None = None


def judge_all(candidates: Sequence[Candidate], checks: Checks) -> list[Verdict]:
    """The verdicts by all rules, in order. Files of code have their own. Never raises over what a model wrote."""
    texts = iter(_judge_texts([each for each in candidates if not each.template.is_code], checks))
    return [
        _judge_code(each, checks.options) if each.template.is_code else next(texts) for each in candidates
    ]


def _judge_texts(candidates: Sequence[Candidate], checks: Checks) -> list[Verdict]:
    options = checks.options
    one = partial(_judge_text, options=options)
    if checks.workers is None:
        verdicts = list(map(one, candidates))
    else:
        verdicts = checks.workers.map(one, candidates, at_least=_MANY)
    sources = [each.source for each in candidates]
    max_cosine = options.anchors.max_question_cosine
    if checks.compare_texts is not None and max_cosine is not None:
        verdicts = _drop_like_questions(verdicts, checks.compare_texts, max_cosine)
    if checks.identify_language is not None and options.min_language_score is not None:
        verdicts = reject_other_languages(
            verdicts,
            sources,
            [each.language for each in candidates],
            checks.identify_language,
            min_score=options.min_language_score,
        )
    if checks.compare_texts is not None and options.min_similarity is not None:
        verdicts = reject_dissimilar(
            verdicts, sources, checks.compare_texts, min_similarity=options.min_similarity
        )
    return verdicts


def _judge_text(candidate: Candidate, options: AcceptanceOptions) -> Verdict:
    return judge(
        candidate.generated,
        candidate.source,
        candidate.template,
        finish_reason=candidate.finish_reason,
        options=options,
        language=candidate.language,
    )


def _judge_code(candidate: Candidate, options: AcceptanceOptions) -> Verdict:
    if candidate.finish_reason == "length":
        return Verdict(candidate.generated.strip(), "incomplete")
    assert candidate.programming_language is not None  # only files with one are seeds
    taken = take_file(
        candidate.generated,
        candidate.source,
        candidate.programming_language,
        candidate.template.own_words,
        options.code,
    )
    return Verdict(*taken)


def judge(
    generated: str,
    source: str,
    template: Template,
    *,
    finish_reason: str = "stop",
    options: AcceptanceOptions,
    language: str | None = None,
) -> Verdict:
    """The verdict by all rules but `language` on what a model wrote for a passage. Never raises; linear.

    Number words are read in the document's language where it is given.
    """
    if finish_reason == "length":
        return Verdict(generated.strip(), "incomplete")
    if template.compat:
        return Verdict(*clean_compat(generated, template.format, template.prefix))
    generated, lacks_prefix = _cut_prefix(generated, template)
    text, done = _repair(generated, source)
    if template.is_task:
        text, done = _clean_task(text, done, template)
    verdict = Verdict(text, None, done)
    if not text:
        return replace(verdict, reason="empty")
    if leaks.finds_refusal(text, source):
        return replace(verdict, reason="refusal")
    if lacks_prefix:
        return replace(verdict, reason="no_prefix")
    if leaks.finds_template_leak(text, source, template.own_words):
        return replace(verdict, reason="template_leak")
    formed, reason, repaired = _take_form(text, source, template, options)
    done = tuple(dict.fromkeys((*done, *repaired)))
    verdict = Verdict(formed.text, reason, done, anchored=formed.anchored, dropped=formed.dropped)
    if reason is not None:
        return verdict
    is_plain = template.format in ("prose", "qa", "list", "anchored")
    if options.markdown and is_plain and leaks.finds_markdown(formed.words, source):
        return replace(verdict, reason="markdown")
    is_prose = template.format in ("prose", "tutorial")
    if options.final_punctuation and is_prose and _ends_inside_sentence(formed.text, source):
        return replace(verdict, reason="incomplete")
    if reason := breaks_proportions(formed, source, template, options):
        return replace(verdict, reason=reason)
    verdict = _check_faithfulness(
        verdict, formed.words, "\n".join((source, *formed.results)), options, language
    )
    if verdict.reason is not None:
        return verdict
    return _check_statements(verdict, formed, source, template, options)


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


def reject_dissimilar(
    verdicts: Sequence[Verdict],
    sources: Sequence[str],
    compare_texts: CompareTexts,
    *,
    min_similarity: float,
) -> list[Verdict]:
    """The verdicts with the similarity of accepted texts to their passages; those below the bound are rejected as
    `dissimilar`.
    """
    open_ones = [index for index, verdict in enumerate(verdicts) if verdict.reason is None]
    texts = [without_tags(verdicts[index].text) for index in open_ones]
    cosines = compare_texts(texts, [sources[index] for index in open_ones]) if open_ones else []
    checked = list(verdicts)
    for index, cosine in zip(open_ones, cosines, strict=True):
        reason = "dissimilar" if cosine < min_similarity else None
        checked[index] = replace(verdicts[index], similarity=cosine, reason=reason)
    return checked


def _drop_like_questions(
    verdicts: Sequence[Verdict], compare_texts: CompareTexts, max_cosine: float
) -> list[Verdict]:
    """The verdicts without anchored pairs whose question means the same as one before it in the answer."""
    several = [
        i for i, verdict in enumerate(verdicts) if verdict.reason is None and len(verdict.anchored) > 1
    ]
    found = drop_like_questions([verdicts[i].anchored for i in several], compare_texts, max_cosine=max_cosine)
    checked = list(verdicts)
    for i, (kept, dropped) in zip(several, found, strict=True):
        if dropped:
            checked[i] = replace(
                verdicts[i],
                text=format_anchored(kept),
                repairs=tuple(dict.fromkeys((*verdicts[i].repairs, "unanchored"))),
                anchored=kept,
                dropped=(*verdicts[i].dropped, *dropped),
            )
    return checked


def _cut_prefix(generated: str, template: Template) -> tuple[str, bool]:
    """(what follows the line that an answer begins with, whether that line is needed and missing).

    Questions and answers are told by their tags, so nothing is missed where the line is not there.
    """
    if template.prefix is None:
        return generated, False
    rest = cut_prefix(repairs.strip_fence(generated.strip()), template.prefix)
    return (generated, template.format != "qa") if rest is None else (rest, False)


def _clean_task(text: str, done: tuple[str, ...], template: Template) -> tuple[str, tuple[str, ...]]:
    """The text as the tasks of Nemotron-CC clean it, and the repairs."""
    cleaned = remove_markdown(text)
    if template.format == "prose":
        cleaned = strip_outer_quotes(drop_passage_lines(cleaned)).strip()
    return cleaned, done if cleaned == text else (*done, "markdown")


def _take_form(
    text: str, source: str, template: Template, options: AcceptanceOptions
) -> tuple[Shape, str | None, tuple[str, ...]]:
    """(the text in the layout of its style, why it has not this layout or None, repairs)."""
    if template.format == "prose":
        return Shape(text, words=text), None, ()
    if template.format == "anchored":
        return _anchor(text, source, options)
    if template.format != "qa":
        formed = shape(text, template.format)
        return formed, formed.problem, ()
    parsed = parse_pairs(text, drop_incomplete=template.is_task)
    if parsed.problem is not None:
        return Shape(text), "qa_format", ()
    pairs = [pair for pair in parsed.pairs if _is_grounded(pair, source, options)]
    if not pairs:
        return Shape(text), "novel_words", ()
    dropped = ("ungrounded",) if len(pairs) < len(parsed.pairs) else ()
    formatted = format_pairs(pairs)
    return Shape(formatted, words=without_tags(formatted)), None, (*parsed.repairs, *dropped)


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


def _anchor(text: str, source: str, options: AcceptanceOptions) -> tuple[Shape, str | None, tuple[str, ...]]:
    """As `_take_form`, for pairs with excerpts; those that are not proved are dropped."""
    written = read_anchored(text)
    if not written:
        return Shape(text), "qa_format", ()
    found = anchor_pairs(written, source, options.anchors)
    kept = tuple(pair for pair in found.pairs if _is_grounded(pair[:2], source, options))
    dropped = (*found.dropped, *["ungrounded"] * (len(found.pairs) - len(kept)))
    if not kept:
        return Shape(text, dropped=dropped), "unanchored", ()
    formatted = format_anchored(kept)
    repaired = ("unanchored",) if dropped else ()
    return Shape(formatted, None, without_tags(formatted), (), kept, dropped), None, repaired


def _is_grounded(pair: tuple[str, str], source: str, options: AcceptanceOptions) -> bool:
    """Whether a pair is taken from the passage; yes where `max_novel_words` is off.

    Such a pair has few words that the passage lacks, and its answer a word of the passage that the question lacks.
    """
    bound = options.max_novel_words
    if bound is None:
        return True
    question, answer = pair
    return novel_word_share(f"{question} {answer}", source) <= bound and any(
        len(word) >= _MIN_TELLING_CHARS or word.isdigit()
        for word in set(words(source)) & set(words(answer)) - set(words(question))
    )


def _ends_inside_sentence(text: str, source: str) -> bool:
    return _SENTENCE_END.search(source.rstrip()) is not None and _SENTENCE_END.search(text) is None


def _check_faithfulness(
    verdict: Verdict, words_only: str, source: str, options: AcceptanceOptions, language: str | None
) -> Verdict:
    items = novel_items(words_only, source, language)
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


def _check_statements(
    verdict: Verdict, formed: Shape, source: str, template: Template, options: AcceptanceOptions
) -> Verdict:
    """The verdict by the rules on statements; tables have none, and word problems make up theirs."""
    if template.format in ("table", "math"):
        return verdict
    answers = None
    if template.format == "qa":
        answers = [answer for _, answer in parse_pairs(formed.text).pairs]
    elif template.format == "anchored":
        answers = [pair.answer for pair in formed.anchored]
    keeps_all = template.format == "prose" and not template.condenses
    reason = find_statement_fault(
        formed.words, source, options.statements, keeps_all=keeps_all, answers=answers
    )
    return replace(verdict, reason=reason)


def _language_parts(text: str) -> list[str]:
    """The text, and its two halves at a sentence end where both are long enough to tell a language."""
    spans = sentence_spans(text)
    cut = next((start for start, _ in spans[1:] if 2 * start >= len(text)), None)
    cut = cut if cut is not None else (spans[-1][0] if len(spans) > 1 else 0)
    halves = [text[:cut].strip(), text[cut:].strip()]
    return [text, *halves] if min(map(len, halves)) >= _MIN_LANGUAGE_CHARS else [text]
