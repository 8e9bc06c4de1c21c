"""Options of the stage `signatures`: how a text becomes shingles and bands."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gristmill.options import Options

_FINEWEB = "Source: FineWeb (arXiv 2406.17557), huggingface/datatrove utils/text.py."
_MINHASH = "Source: FineWeb (arXiv 2406.17557), huggingface/datatrove pipeline/dedup/minhash.py."


class NormaliseOptions(Options):
    """What is made equal before texts are compared; the steps run in this order."""

    lowercase: bool = Field(default=True, description=f"Lower-case the text. {_FINEWEB}")
    numbers: bool = Field(
        default=True, description=f"Every number, with at most one decimal part, becomes `0`. {_FINEWEB}"
    )
    weekdays: bool = Field(
        default=False,
        description="English names of weekdays become WEEKDAY, also inside words. Signatures take five times as "
        f"long, as it runs in Python. {_FINEWEB}",
    )
    months: bool = Field(
        default=False,
        description="English names of months become MONTH, also inside words: `mayor` becomes `MONTHor`. "
        f"Signatures take five times as long, as it runs in Python. {_FINEWEB}",
    )
    punctuation: bool = Field(
        default=True, description=f"Punctuation and control characters become blanks. {_FINEWEB}"
    )
    whitespace: bool = Field(
        default=True, description=f"Every run of white space becomes one blank. {_FINEWEB}"
    )
    diacritics: bool = Field(
        default=True,
        description="Characters are taken apart (NFD) and marks without width (category Mn) removed: `é` "
        f"becomes `e`. Removes vowel signs of Indic scripts too. false with hash `rolling`: characters are composed "
        f"(NFC), so that both ways to write `é` stay equal. {_FINEWEB}",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "high_recall": {"bands": 24, "rows": 6, "hash": "rolling"},
    "fineweb": {"bands": 14, "rows": 8, "hash": "xxhash"},
}


class SignatureOptions(Options):
    """How a text becomes shingles and bands."""

    preset: Literal["high_recall", "fineweb"] = Field(
        default="high_recall",
        description="What `bands`, `rows` and `hash` are where they are not given. `high_recall`: 24 x 6, rolling; "
        "pairs of Jaccard 0.8 are compared with chance 0.9993, those of 0.6 with 0.68, and counting the similarity "
        "sorts out what is not alike. `fineweb`: 14 x 8, xxhash, the signatures of huggingface/datatrove bit by bit.",
    )
    normalise: NormaliseOptions = Field(
        default=NormaliseOptions(), description="What is made equal before texts are compared."
    )
    words: Literal["whitespace", "alphanumeric", "char", "spacy_en"] = Field(
        default="whitespace",
        description="What a word is: a run between blanks; a run of letters, digits and underscores (Python's `\\w+`; "
        "hash `rolling` only, and `normalise.punctuation` does not matter); every character (for Chinese, Japanese, "
        "Thai, Khmer, Lao, Burmese); or a token of spaCy's blank English pipeline, as FineWeb has it (slow; needs the "
        "extra `spacy`).",
    )
    ngram: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Words in a shingle. A text with fewer words has no shingles and is compared as a whole "
        f"only. {_MINHASH}",
    )
    bands: int = Field(
        default=PRESETS["high_recall"]["bands"],
        ge=1,
        le=1000,
        description="Bands of the signature. Two texts of Jaccard s are compared with chance "
        "1 - (1 - s^rows)^bands. Other published layouts: 9 x 13, 26 x 11, 32 x 8, and RefinedWeb's 450 x 20. "
        f"{_MINHASH}",
    )
    rows: int = Field(
        default=PRESETS["high_recall"]["rows"], ge=1, le=100, description=f"Hashes in a band. {_MINHASH}"
    )
    hash: Literal["rolling", "xxhash", "sha1"] = Field(
        default="rolling",
        description="Hash of a shingle. `rolling` is a polynomial in the hashes of its words, taken in one pass over "
        "the text, with minima of 32 bits: four times faster than `xxhash`. `sha1`, and the other two with 32 bits, "
        f"run in Python and serve to reproduce other signatures. {_MINHASH}",
    )
    precision: Literal[32, 64] = Field(default=64, description=f"Bits of a hash. {_MINHASH}")
    seed: int = Field(
        default=1, ge=0, lt=2**32, description=f"Seed of the hash functions' parameters. {_MINHASH}"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {**PRESETS.get(str(given.get("preset", "high_recall")), {}), **given}

    @model_validator(mode="after")
    def _one_pass_is_possible(self) -> Self:
        plain = self.normalise.whitespace and not (self.normalise.weekdays or self.normalise.months)
        if self.words == "alphanumeric" and self.hash != "rolling":
            raise ValueError(
                f"words `alphanumeric` needs hash `rolling`, got {self.hash!r}; choose preset `high_recall`, or words "
                "`whitespace`"
            )
        if self.hash == "rolling" and not (plain and self.words != "spacy_en" and self.precision == 64):
            raise ValueError(
                "hash `rolling` needs normalise.whitespace, no weekdays or months, other words than `spacy_en` "
                "and precision 64; choose preset `fineweb`, or hash `xxhash`"
            )
        return self
