"""Options of extraction: how the text of an HTML page is taken, whatever the kind of its source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.ingest.options.images import ImageOptions
from gristmill.options import Options


class HtmlOptions(Options):
    """How the text of a page is taken."""

    engine: Literal["gristmill", "resiliparse", "trafilatura"] = Field(
        default="gristmill",
        description="What picks the main content: gristmill (our own classifier of blocks, docs/stages/extraction.md), "
        "resiliparse (its heuristics), or trafilatura (its own defaults; needs the extra `trafilatura`; a tenth of "
        "the speed, and single pages may take it minutes).",
    )
    format: Literal["text", "markdown"] = Field(
        default="text",
        description="text, or markdown: headings, lists, quotes, tables and code are marked as such. resiliparse gives "
        "text only.",
    )
    main_content: bool = Field(
        default=True,
        description="Take the main content of a page, not menus, headers, footers and advertisements. "
        "false takes all that is shown.",
    )
    max_tags: int = Field(
        default=200_000,
        ge=1,
        description="A page with more tags is dropped (too_complex): it would need more than about 400 MB.",
    )
    max_depth: int = Field(
        default=512,
        ge=1,
        le=2_000,
        description="A page whose elements are nested deeper is dropped (too_deep): time grows with the square. "
        "512 is where browsers on Blink stop nesting. Pages with more than 29,000 tags are allowed less.",
    )
    formulas: bool = Field(
        default=True,
        description="Take formulas as LaTeX between dollars ($...$ in a line, $$...$$ displayed), whatever "
        "carries them: MathJax, KaTeX, MathML, pictures, attributes, delimiters in the text. "
        "false leaves what is seen of them.",
    )
    maths_only: bool = Field(
        default=False,
        description="Drop a page that shows no sign of formulas (no_maths), before it is parsed: no markup, script or "
        "picture that carries them, no renderer, no TeX in its text. The prefilter of OpenWebMath (arXiv 2310.06786, "
        "section 3.1) without its classifier; a page that is dropped has nothing for `formulas`.",
    )
    images: ImageOptions | None = Field(
        default=None,
        description="Keep the images of a page beside its text, in document order (meta: text_list, image_list). null "
        "keeps none.",
    )
