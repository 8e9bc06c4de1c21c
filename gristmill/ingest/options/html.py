"""Options of extraction: how the text of an HTML page is taken, whatever the kind of its source."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options


class HtmlOptions(Options):
    """How the text of a page is taken."""

    main_content: bool = Field(
        default=True,
        description="Take the main content of a page (Resiliparse's heuristics), not menus, headers and footers. "
        "false takes all visible text.",
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
