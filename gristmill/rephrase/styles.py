"""Styles: what the rephraser is asked, and which passage gets which style.

WRAP (arXiv 2401.16380) has four styles: easy, medium, hard and qa; Nemotron-CC (arXiv 2412.02595) has five tasks:
wikipedia, diverse_qa, distill, extract_knowledge and knowledge_list; table, math, faq and tutorial are the formats
that did best in a controlled study (arXiv 2604.13977); anchored_qa has pairs with excerpts (arXiv 2502.15854). The
prompts here are our own; each meets the intent of its style, adds that nothing may be invented, and ends with the
passage between delimiters. They lie in `templates/` as files with a header (name, version, format, family, prefix,
condenses, source, licence), a system message, an instruction, and where it helps examples: passages, each with its
answer. Small models need them: SmolLM2-135M repeats the marks of the passage, or the passage, without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, cast

from gristmill.hashing import digest_text, uniform
from gristmill.llm.templates import read_template
from gristmill.rephrase.code.languages import shown_name
from gristmill.rephrase.options import RephraseOptions
from gristmill.rephrase.routing import share_of
from gristmill.rephrase.style_options import CODE, STYLE_NAMES, StyleOptions

Format = Literal["prose", "qa", "list", "table", "math", "tutorial", "anchored", "code"]
Messages = tuple[tuple[str, str], ...]

_DELIMITER = "passage"
_WRAP = "wrap"
_NEMOTRON_CC = "nemotron_cc"
_BASIS_OF_OWN_PROMPTS = "medium"  # a recipe's own instruction goes with this template's system message


@dataclass(frozen=True)
class Template:
    """One prompt: `instruction` is followed by the passage; `examples` are passages with their answers."""

    name: str
    version: int
    format: Format
    source: str
    licence: str
    system: str
    instruction: str
    examples: tuple[tuple[str, str], ...] = ()
    family: str = _WRAP  # wrap, nemotron_cc, format, retrieval or snowcoder
    prefix: str | None = None  # the line that an answer begins with
    condenses: bool = False  # takes some of a passage, and gives it another form
    compat: bool = False  # answers are taken and cleaned as the reference code of Nemotron-CC does

    @property
    def method(self) -> str:
        """How documents of this style are made, for their column `method`."""
        return f"{self.family}.{self.name}"

    @property
    def is_task(self) -> bool:
        """Whether this is a task of Nemotron-CC, which has its own cleaning."""
        return self.family == _NEMOTRON_CC

    @property
    def is_code(self) -> bool:
        """Whether files of code are written, which have rules of their own."""
        return self.format == "code"

    @property
    def draws_pairs(self) -> bool:
        """Whether only some of the pairs are kept, as in Nemotron-CC."""
        return self.is_task and self.format == "qa"

    @property
    def keeps_source(self) -> bool:
        """Whether the passage stands in the new document, before the pairs."""
        return self.draws_pairs or self.format == "anchored"

    @property
    def digest(self) -> str:
        """Names everything of the prompt but the passage."""
        return digest_text(
            self.name, self.format, self.system, self.instruction, _DELIMITER, *sum(self.examples, ())
        )

    @property
    def own_words(self) -> str:
        """What of the prompt must not come back in an answer."""
        return "\n".join((self.instruction, *sum(self.examples, ())))

    def messages(self, passage: str, language: str | None = None) -> Messages:
        """The chat messages (role, content) for a passage; `language` is the programming language of a seed.

        The passage stands last, between `<passage>` and `</passage>`; where it holds such a mark itself, a
        number is added to the marks until they are new. Examples are turns of the chat before that.
        """
        turns: list[tuple[str, str]] = [("system", self.system)]
        for example, answer in self.examples:
            turns += [("user", self._ask(example)), ("assistant", answer)]
        return (*turns, ("user", self._ask(passage, language)))

    def _ask(self, passage: str, language: str | None = None) -> str:
        mark, number = _DELIMITER, 1
        while f"<{mark}>" in passage or f"</{mark}>" in passage:
            number += 1
            mark = f"{_DELIMITER}-{number}"
        named = "" if language is None else f"\n\nProgramming language: {shown_name(language)}"
        return f"{self.instruction}{named}\n\n<{mark}>\n{passage}\n</{mark}>"


@cache
def packaged_template(name: str) -> Template:
    """The template of a style that comes with Gristmill; RecipeError for an unknown name."""
    facts, parts = read_template("rephrase", name, STYLE_NAMES, "rephrase.styles")
    system, instruction, *examples = (part.strip() for part in parts)
    return Template(
        name=facts["name"],
        version=int(facts["version"]),
        format=cast(Format, facts["format"]),
        source=facts["source"],
        licence=facts["licence"],
        system=system,
        instruction=instruction,
        examples=tuple(zip(examples[::2], examples[1::2], strict=True)),
        family=facts.get("family", _WRAP),
        prefix=facts.get("prefix"),
        condenses=facts.get("condenses") == "yes",
    )


def template_of(style: StyleOptions) -> Template:
    """The template that a style of the recipe uses: the packaged one of its name, or its own prompt."""
    if style.prompt is None:
        template = packaged_template(style.name)
        return replace(template, compat=True) if style.mode == "compat" else template
    basis = packaged_template(CODE if style.writes_code else _BASIS_OF_OWN_PROMPTS)
    return Template(
        name=style.name,
        version=0,
        format=style.format,
        source="recipe",
        licence="as the recipe",
        system=basis.system,
        instruction=style.prompt.strip(),
        family=basis.family,
        condenses=style.format not in ("prose", "qa"),
    )


def prompts_digest(options: RephraseOptions) -> str:
    """Digest of all prompts in the order of the recipe; belongs in the fingerprint of the stage."""
    return digest_text(*(template_of(style).digest for style in options.styles))


def assign_style(styles: Sequence[StyleOptions], key: str, *, seed: int, balance: str) -> StyleOptions:
    """The style drawn for a key (document id and passage), in proportion to the weights.

    With balance "tokens" a weight is divided by the length of output that the style is expected to give, so
    that shares of tokens, not of passages, follow the weights. Depends on (seed, key), weights and order
    alone.
    """
    shares = [share_of(style, balance) for style in styles]
    point = uniform(seed, "rephrase.style", key) * sum(shares)
    for style, share in zip(styles, shares, strict=True):
        point -= share
        if point < 0 and share > 0:
            return style
    return next(style for style, share in reversed(list(zip(styles, shares, strict=True))) if share > 0)
