"""Options of the repair of Unicode."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gristmill.options import Options


class UnicodeOptions(Options):
    """What is mended in the characters of a text before anything is measured."""

    mojibake: bool = Field(
        default=True,
        description="Whether text that was decoded wrongly (`cafÃ©`) is decoded anew, where ftfy is sure of it.",
    )
    controls: bool = Field(
        default=True,
        description="Whether control characters, byte order marks and the like are removed; tabs, line ends and form "
        "feeds stay.",
    )
    line_ends: bool = Field(
        default=True,
        description="Whether all ways to end a line (CR, CRLF, NEL, U+2028, U+2029) become `\\n`.",
    )
    normal_form: Literal["NFC", "NFKC"] | None = Field(
        default="NFC",
        description="Normal form of Unicode; null leaves characters as they are. NFKC loses differences that "
        "mathematics needs (x² becomes x2).",
    )
