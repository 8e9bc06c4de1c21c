"""Options of images: which pictures of a page are kept beside its text."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options


class ImageOptions(Options):
    """Which images of a page are kept, in document order between the pieces of its text.

    The steps are those of InfiMM-WebMath-40B (arXiv 2409.12568), whose thresholds are not published; defaults are
    ours.
    """

    min_side_px: int | None = Field(
        default=50,
        ge=1,
        description="An image whose declared width or height is less is dropped (small). null keeps all.",
    )
    max_per_document: int = Field(
        default=50,
        ge=1,
        le=1_000,
        description="Images kept of a document; the others are dropped (too_many).",
    )
    max_pages_per_host: int | None = Field(
        default=10,
        ge=1,
        description="An image that is on more pages of a host than this, within a shard, is dropped (site_wide): it is "
        "part of the site's design. null keeps all.",
    )
    drop_words: tuple[str, ...] = Field(
        default=(
            "logo", "logos", "icon", "icons", "favicon", "avatar", "avatars", "sprite", "sprites", "button",
            "buttons",
            "banner", "banners", "ad", "ads", "advert", "pixel", "tracking", "emoji", "emojis", "smiley", "smilies",
            "spacer", "badge", "badges",
        ),
        strict=False,
        description="An image with one of these words in its path is dropped (path_word). It ends where letters end.",
    )  # fmt: skip
    drop_svg: bool = Field(
        default=True, description="Drop SVG files (svg): nearly all are icons. false keeps them."
    )
    max_url_chars: int = Field(
        default=2_000, ge=20, description="An image with a longer URL is dropped (long_url)."
    )
