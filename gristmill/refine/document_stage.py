"""What a refiner of whole documents says: keep or drop. Reading its answer only; the stage does not ask it yet.

Source: ProX (arXiv 2409.17115), document stage. Its prompt is `prompts.render_prox` of the raw text.
"""

from __future__ import annotations

import re
from typing import Literal

from gristmill.refine.grammar import meaningful_lines

_DECISION = re.compile(r"(keep|drop)(?:_doc)?(?:\(\))?[;.!]?(?:[ \t]*#.*)?", re.IGNORECASE)


def decide_document(output: str) -> Literal["keep", "drop", "unknown"]:
    """The decision in the first meaningful line of an answer; unknown, which keeps the text, where it says neither."""
    lines, _ = meaningful_lines(output, 1)
    found = _DECISION.fullmatch(lines[0]) if lines else None
    if found is None:
        return "unknown"
    return "drop" if found[1].lower() == "drop" else "keep"


def decide_document_compat(output: str) -> Literal["keep", "drop"]:
    """As the reference reads it: `drop` anywhere in the answer, in raindrops too, drops (GAIR-NLP/ProX@b3fcbb2)."""
    return "drop" if "drop" in output else "keep"
