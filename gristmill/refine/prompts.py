"""What the refiner is asked: our own instruction for chat models, or the exact text of the released refiners.

`instruct` is a chat: a short instruction, two tiny examples as earlier turns, then the chunk with its line numbers
between [doc] and [/doc]. All that is the same for every chunk comes first, so an engine computes it once.
`trained` is that without instruction and examples, for models trained by `refiner:`; few tokens, so that training and
asking are cheap. `document` is about whole documents: what is worth keeping, an example of either, the text without
line numbers.
`prox` is text, not a chat: the released tokenizers have no template of their own, and newer versions of transformers
give none, so the Llama-2 template is carried here. All lie in `templates/` as files with source and licence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gristmill.hashing import digest_text
from gristmill.llm.requests import Messages
from gristmill.llm.templates import read_template
from gristmill.refine.chunking import number_lines
from gristmill.refine.options import BosMode, DocumentOptions, RefineOptions
from gristmill.tokenizer import break_control_tokens

PROMPT_NAMES = ("document", "instruct", "prox", "trained")

_BOS = "<s>"
_END_OF_PROMPT = " [/INST]"
_SLOT = "{document}"
_CONTROL_TOKENS = ("</s>", "<s>", "<unk>")  # of the released refiners' tokenizer


@dataclass(frozen=True)
class Template:
    """One prompt. `turns` are example documents and answers in turn; only `document` and `instruct` have any."""

    name: str
    version: int
    source: str
    licence: str
    system: str
    turns: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Names everything of the prompt but the chunk."""
        return digest_text(self.name, str(self.version), self.system, *self.turns)


@cache
def packaged_template(name: str) -> Template:
    """A template that comes with Gristmill; RecipeError for an unknown name."""
    facts, (system, *turns) = read_template("refine", name, PROMPT_NAMES, "refine.prompt")
    return Template(
        name=facts["name"],
        version=int(facts["version"]),
        source=facts["source"],
        licence=facts["licence"],
        system=system,
        turns=tuple(turns),
    )


def prompts_digest(options: RefineOptions) -> str:
    """Digest of the prompt of the chunk stage; belongs in its fingerprint."""
    return packaged_template(options.prompt).digest


def document_prompt_digest(options: DocumentOptions) -> str:
    """The same of the document stage."""
    return packaged_template(_document_template(options)).digest


def document_prompt(text: str, options: DocumentOptions) -> str | Messages:
    """The prompt for a whole document."""
    if options.prompt == "prox":
        return render_prox(text, options.bos_mode)
    return _chat(packaged_template("document"), f"[doc]\n{text}\n[/doc]")


def chunk_prompt(lines: Sequence[str], first_line: int, options: RefineOptions) -> str | Messages:
    """The prompt for a chunk, given its lines and the number that the first of them has in the document."""
    document = "\n".join(["[doc]", *number_lines(lines, first_line), "[/doc]"])
    template = packaged_template(options.prompt)
    if options.prompt == "prox":
        return _render(template, document, options.bos_mode)
    return _chat(template, document)


def render_prox(user: str, bos_mode: BosMode = "reference_double") -> str:
    """The text of a prompt for a released refiner, of either of its stages.

    For the document stage `user` is the raw text. An engine puts a begin-of-sequence token before any text, so
    `single` leaves out the written one, and breaks up what a document spells like a control token, which would end the
    prompt. Byte for byte what transformers 4.39.1 renders, for `reference_double`.
    """
    return _render(packaged_template("prox"), user, bos_mode)


def _document_template(options: DocumentOptions) -> str:
    return "prox" if options.prompt == "prox" else "document"


def _render(template: Template, user: str, bos_mode: BosMode) -> str:
    if bos_mode == "single":
        user = break_control_tokens(user, _CONTROL_TOKENS)
    # The reference strips around system and user text together.
    opening, separator, body = template.system.partition("<<SYS>>")
    text = opening + (separator + body.replace(_SLOT, user)).strip() + _END_OF_PROMPT
    return _BOS + text if bos_mode == "reference_double" else text


def _chat(template: Template, document: str) -> Messages:
    roles = ("user", "assistant")
    turns = [(roles[number % 2], turn) for number, turn in enumerate(template.turns)]
    return (("system", template.system), *turns, ("user", document))
