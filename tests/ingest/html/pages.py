"""Pages of one's own for the tests of extraction: an article, a forum, a page that its scripts fill in."""

from __future__ import annotations

SENTENCES = [
    "The miller opens the sluice before dawn, and the water drives the great wheel with a low rumble.",
    "Grain from the upper floor falls between the stones, which turn some ninety times in a minute.",
    "Every few weeks he lifts the runner stone with a crane, and dresses its furrows with a steel pick.",
    "What comes out is sifted twice, weighed, and sewn into sacks that two men carry to the cart.",
    "In dry summers the pond runs low, so the mill works at night, when nobody upstream waters a field.",
]
MENU = (
    "<nav class='main-menu'><ul>"
    + "".join(
        f"<li><a href='/{name}'>{name.title()}</a></li>"
        for name in ("home", "news", "prices", "contact", "jobs")
    )
    + "</ul></nav>"
)
FOOTER = (
    "<footer class='site-footer'><ul><li><a href='/imprint'>Imprint</a></li><li><a href='/terms'>Terms of use</a></li>"
    "</ul><p>© 2024 Mill Company. All rights reserved.</p></footer>"
)
ASIDE = (
    "<aside class='sidebar related'><h3>Related articles</h3><ul>"
    + "".join(f"<li><a href='/{n}'>Another story about bread number {n}</a></li>" for n in range(6))
    + "</ul></aside>"
)


def article(body: str | None = None, *, head: str = "", after: str = "") -> str:
    """An article page with a menu, a box of links and a footer around `body`."""
    text = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES) if body is None else body
    return (
        f"<!doctype html><html lang=en><head><title>A day at the mill</title>{head}</head><body class='single-post'>"
        f"<header class='site-header'>{MENU}</header><main><article class='post'><h1>A day at the mill</h1>"
        f"<div class='entry-content'>{text}</div></article>{after}</main>{ASIDE}{FOOTER}</body></html>"
    )


def forum(posts: int = 6) -> str:
    """A thread: each post with a box about its user, and buttons."""
    rows = "".join(
        f"<div class='post' id='post-{n}'><div class='user-info'><a href='/u/{n}'>miller{n}</a><span>Member</span>"
        f"<span>Posts: {n}17</span></div><div class='post-content'><p>{SENTENCES[n % 5]}</p>"
        f"<p>In answer {n} I would add that number {n} stones wear sooner than people think.</p></div>"
        "<div class='post-actions'><a href='#'>Reply</a> <a href='#'>Quote</a> <a href='#'>Report</a></div></div>"
        for n in range(posts)
    )
    return (
        "<html><head><title>How often do you dress the stones?</title></head><body>"
        f"{MENU}<div id='thread' class='topic forum'><h1>How often do you dress the stones?</h1>{rows}</div>"
        f"{FOOTER}</body></html>"
    )
