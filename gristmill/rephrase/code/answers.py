"""Whether what a model wrote for a seed is one file of code worth keeping; nothing of it is ever run.

The order; the first that fails names the reason:
  1 empty      2 refusal (in words outside of blocks)
  3 code_fence: not exactly one fenced block; incomplete: the block is not closed
  4 code_chat: words around the block other than a preface and a closing remark, which are cut
  5 empty; template_leak: chat marks, or pieces of the prompt
  6 code_language: the word behind the fence names another language than the seed's
  7 incomplete: a comment stands for code that was left out
  8 code_lines: too few lines      9 code_syntax: does not parse, or is beyond the limits of parsing
  10 code_dependency: reads other files of a project      11 copied      12 loop
Source: Arctic-SnowCoder (arXiv 2409.02326) asks for one file and names no checks; these are Gristmill's.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import NamedTuple

from gristmill.rephrase import leaks, repairs
from gristmill.rephrase.code.languages import is_python, tag_agrees
from gristmill.rephrase.code.options import CodeAcceptanceOptions
from gristmill.rephrase.code.python import MAX_CHARS, MAX_DEPTH, bracket_depth, parse_python

GRAM = 13  # words and signs

_OPENING = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`{]*)[^`]*")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_BLOCK_MARK = "[block]"
# Comments in place of code, in the marks of most languages.
_LEFT_OUT = re.compile(
    r"^[ \t]*(?:#|//|/\*|--|;+|%|<!--)[ \t]*"
    r"(?:(?:\.{3}|…)[ \t]*(?:\*/|-->)?[ \t]*$"
    r"|(?:\.{3}|…)?[ \t]*\(?(?:the )?(?:rest|remainder) of (?:the |your |this )?(?:\w+ )?"
    r"(?:code|file|function|method|class|program|implementation|logic)\b"
    r"|(?:\.{3}|…)[ \t]*\(?(?:existing|other|more|remaining|same|previous|similar)\b"
    r"|(?:add |put |insert |write )?your (?:code|implementation|logic) (?:goes )?here\b)",
    re.IGNORECASE | re.MULTILINE,
)
# Lines that read other files of a project, by language.
_SCRIPT_IMPORT = r"""^[ \t]*(?:import|export)\b[^'"\n]*['"]\.{1,2}/|\brequire\(\s*['"]\.{1,2}/"""
_DEPENDENCIES = {
    language: re.compile(pattern, re.MULTILINE)
    for language, pattern in {
        "Python": r"^[ \t]*from[ \t]+\.+\w*(?:\.\w+)*[ \t]+import\b",
        "Jupyter Notebook": r"^[ \t]*from[ \t]+\.+\w*(?:\.\w+)*[ \t]+import\b",
        "C": r'^[ \t]*#[ \t]*include[ \t]*"',
        "C++": r'^[ \t]*#[ \t]*include[ \t]*"',
        "JavaScript": _SCRIPT_IMPORT,
        "TypeScript": _SCRIPT_IMPORT,
        "Dart": r"""^[ \t]*(?:import|export|part)\s+['"](?!dart:|package:)""",
        "Ruby": r"^[ \t]*require_relative\b",
        "Rust": r"^[ \t]*(?:pub\s+)?mod\s+\w+\s*;",
    }.items()
}


class TakenFile(NamedTuple):
    """The file, or the answer where none was found; why it is rejected or None; the names of repairs."""

    text: str
    reason: str | None
    repairs: tuple[str, ...] = ()


class _Block(NamedTuple):
    tag: str
    text: str
    closed: bool


def take_file(
    generated: str, seed: str, language: str, own_words: str, options: CodeAcceptanceOptions
) -> TakenFile:
    """The file in an answer of the model, judged by all rules.

    `language` is the seed's, by linguist's name; `own_words` are those of the prompt that must not come back. The file
    ends with one line break, as files do. Deterministic, linear, and never raises over what was written.
    """
    answer = generated.strip()
    if not answer:
        return TakenFile(answer, "empty")
    blocks, around = _read_blocks(answer)
    if leaks.finds_refusal(around.replace(_BLOCK_MARK, ""), seed):
        return TakenFile(answer, "refusal")
    if len(blocks) != 1 or not (blocks[0].closed or blocks[0].text):
        return TakenFile(answer, "code_fence")
    (block,) = blocks
    if not block.closed:
        return TakenFile(answer, "incomplete")
    around, done = _repair(around, seed)
    if around != _BLOCK_MARK:
        return TakenFile(answer, "code_chat", done)
    if not block.text.strip():
        return TakenFile("", "empty", done)
    return TakenFile(block.text, _find_fault(block, seed, language, own_words, options), done)


def copied_13grams(text: str, seed: str) -> float:
    """The larger of two shares: of the text's runs of 13 words and signs that the seed has, and the other way round.

    0 where one of them has no such run.
    """
    written, given = _grams(text), _grams(seed)
    if not written or not given:
        return 0.0
    copied = sum(map(set(given).__contains__, written)) / len(written)
    repeated = sum(map(set(written).__contains__, given)) / len(given)
    return max(copied, repeated)


def _read_blocks(answer: str) -> tuple[list[_Block], str]:
    """The fenced blocks as CommonMark sees them, and the answer with a mark in place of each."""
    blocks: list[_Block] = []
    around: list[str] = []
    fence, tag = "", ""
    inside: list[str] = []
    for line in answer.split("\n"):
        if fence:
            closing = line.strip()
            if (
                len(closing) >= len(fence)
                and set(closing) == {fence[0]}
                and len(line) - len(line.lstrip()) < 4
            ):
                blocks.append(_Block(tag, _file_of(inside), True))
                fence, inside = "", []
            else:
                inside.append(line)
        elif opening := _OPENING.fullmatch(line):
            fence, tag = opening[1], opening[2]
            around += ["", _BLOCK_MARK, ""]  # a paragraph of its own
        else:
            around.append(line)
    if fence:
        blocks.append(_Block(tag, _file_of(inside), False))
    return blocks, "\n".join(around).strip()


def _file_of(lines: list[str]) -> str:
    """The lines as a file: without blank lines around it, ended by a line break."""
    text = "\n".join(lines).rstrip()
    while text and not (first := text.partition("\n"))[0].strip():
        text = first[2]
    return f"{text}\n" if text else ""


def _repair(around: str, seed: str) -> tuple[str, tuple[str, ...]]:
    """What stands around the block without prefaces and closing remark, and the names of these repairs."""
    steps: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("preface", lambda text: repairs.remove_preface(text, seed)[0]),
        ("preface", lambda text: repairs.remove_other_preface(text, seed)),
        ("closing", lambda text: repairs.remove_closing_remark(text, seed)),
    )
    done = []
    for name, step in steps:
        repaired = step(around)
        if repaired != around:
            done.append(name)
            around = repaired
    return around, tuple(dict.fromkeys(done))


def _find_fault(
    block: _Block, seed: str, language: str, own_words: str, options: CodeAcceptanceOptions
) -> str | None:
    """Why the file in the block is rejected, or None."""
    text = block.text
    if leaks.finds_prompt(text, seed, own_words):
        return "template_leak"
    if not tag_agrees(block.tag, language):
        return "code_language"
    if _LEFT_OUT.search(text):
        return "incomplete"
    lines = [bare for line in text.split("\n") if (bare := line.strip())]
    if len(lines) < options.min_lines:
        return "code_lines"
    if options.parses and not _parses(text, language):
        return "code_syntax"
    dependency = _DEPENDENCIES.get(language)
    if options.self_contained and dependency is not None and dependency.search(text):
        return "code_dependency"
    most = options.max_copied_13grams
    if most is not None and copied_13grams(text, seed) >= most:
        return "copied"
    least = options.min_distinct_lines
    if least is not None and len(set(lines)) < least * len(lines):
        return "loop"
    return None


def _parses(text: str, language: str) -> bool:
    """Whether the file parses; True for languages without a parser here."""
    if is_python(language):
        return parse_python(text) is not None
    readers: dict[str, Callable[[str], object]] = {"JSON": _read_json, "TOML": tomllib.loads}
    reader = readers.get(language)
    if reader is None:
        return True
    if len(text) > MAX_CHARS or bracket_depth(text) > MAX_DEPTH:
        return False
    try:
        reader(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_json(text: str) -> None:
    json.loads(text, parse_constant=_refuse, parse_int=str)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _grams(text: str) -> list[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    return list(zip(*(tokens[start:] for start in range(GRAM)), strict=False))
