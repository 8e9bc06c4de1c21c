"""The two other engines: Resiliparse's main content and trafilatura."""

from __future__ import annotations

from typing import Any

from gristmill.errors import RecipeError
from gristmill.ingest.options import HtmlOptions

_BOILERPLATE = ("nav", "header", "footer", "aside")


def extract_by_resiliparse(tree: Any, options: HtmlOptions) -> str:
    """Resiliparse's main content; where it finds none (short pages), all but the boilerplate; else all."""
    from resiliparse.extract.html2text import extract_plain_text

    wider: list[dict[str, Any]] = [{"main_content": True}, {"skip_elements": list(_BOILERPLATE)}, {}]
    for chosen in wider if options.main_content else [{}]:
        text = extract_plain_text(tree, preserve_formatting=True, **chosen).strip()
        if text:
            return text
    return ""


def extract_by_trafilatura(html: str, options: HtmlOptions, url: str | None) -> str:
    """trafilatura with its own defaults, formulas and all; RecipeError where it is not installed.

    Its process-wide memory of paragraphs (`deduplicate`) stays off: with it the text would depend on earlier pages.
    """
    try:
        from trafilatura import extract, html2txt
    except ImportError:
        raise RecipeError(
            "html.engine is 'trafilatura', which is not installed: install gristmill[trafilatura], or use 'gristmill' "
            "or 'resiliparse'"
        ) from None
    if not options.main_content:
        return str(html2txt(html)).strip()
    output = "markdown" if options.format == "markdown" else "txt"
    return (extract(html, url=url, output_format=output, deduplicate=False) or "").strip()
