"""In which script a text is written, and which languages of a model are written in it.

Scripts have the four letters of ISO 15924; as there, `Jpan` is Japanese (Han with kana), `Kore` Korean, and `Hani` Han
alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.text_buffers import text_buffers

# Name of each script in Unicode, by its code; in this order they win ties.
_SCRIPTS = {
    "Latn": "Latin", "Cyrl": "Cyrillic", "Arab": "Arabic", "Hani": "Han", "Hira": "Hiragana", "Kana": "Katakana",
    "Hang": "Hangul", "Deva": "Devanagari", "Grek": "Greek", "Hebr": "Hebrew", "Thai": "Thai", "Beng": "Bengali",
    "Taml": "Tamil", "Telu": "Telugu", "Knda": "Kannada", "Mlym": "Malayalam", "Gujr": "Gujarati",
    "Guru": "Gurmukhi", "Orya": "Oriya", "Sinh": "Sinhala", "Armn": "Armenian", "Geor": "Georgian",
    "Ethi": "Ethiopic", "Khmr": "Khmer", "Laoo": "Lao", "Mymr": "Myanmar", "Tibt": "Tibetan", "Thaa": "Thaana",
    "Mong": "Mongolian", "Tfng": "Tifinagh", "Cher": "Cherokee", "Cans": "Canadian_Aboriginal", "Syrc": "Syriac",
    "Nkoo": "Nko", "Olck": "Ol_Chiki", "Mtei": "Meetei_Mayek", "Java": "Javanese", "Vaii": "Vai",
    "Yiii": "Yi", "Bopo": "Bopomofo", "Copt": "Coptic", "Goth": "Gothic",
}  # fmt: skip
_CODES = tuple(_SCRIPTS)
_CODE_POINTS = 0x18000  # beyond lie rare and historic scripts, and more Han
_KANA_SHARE = 0.02  # of kana and Han, from which on a text is Japanese; names and signs in Chinese have less
_HANGUL_SHARE = 0.1

# Codes (ISO 639) of the languages of lid.176 that are written in a script other than Latin, where it is in common
# use. Source: CLDR, supplemental data on languages and scripts. Labels such as `rus_Cyrl` say it themselves.
_WRITTEN_IN = {
    "Cyrl": "av az ba be bg bs bxr ce cv hr kk krc ku kv ky lez mhr mk mn mrj myv os ro ru rue sah sh sr tg tk tt tyv "
    "ug uk uz xal",
    "Arab": "ar arz az azb ckb fa kk ku ky lrc ms mzn pa pnb ps sd so tr ug ur uz",
    "Deva": "bh dty gom hi mai mr ne new sa sd",
    "Beng": "as bn bpy",
    "Hani": "ja ko vi wuu yue zh",
    "Jpan": "ja",
    "Kore": "ko",
    "Grek": "el",
    "Hebr": "he yi",
    "Thai": "th",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn",
    "Mlym": "ml",
    "Gujr": "gu",
    "Guru": "pa",
    "Orya": "or",
    "Sinh": "si",
    "Armn": "hy",
    "Geor": "ka xmf",
    "Ethi": "am",
    "Khmr": "km",
    "Laoo": "lo",
    "Mymr": "my",
    "Tibt": "bo",
    "Thaa": "dv",
    "Mong": "bxr mn",
}


def detect_scripts(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(script, share): the script with most letters in each text, and its share of all letters, 0..1.

    A text without letters has null in both. Linear in characters.
    """
    from gristmill.filter import _script_kernels

    counts = np.zeros((len(texts), len(_CODES)), np.int32)
    _script_kernels.count_scripts(*text_buffers(texts), _script_of_characters(), counts)
    columns = {code: counts[:, i] for i, code in enumerate(_CODES)}
    kana, han, hangul = columns["Hira"] + columns["Kana"], columns["Hani"], columns["Hang"]
    japanese = (kana > 0) & (kana >= _KANA_SHARE * (kana + han))
    korean = ~japanese & (hangul > 0) & (hangul >= _HANGUL_SHARE * (hangul + han))
    east_asian = kana + han + hangul
    columns["Hani"] = np.where(japanese | korean, 0, han)
    columns["Hira"] = np.where(japanese, east_asian, 0)
    columns["Kana"] = np.zeros_like(han)
    columns["Hang"] = np.where(korean, han + hangul, np.where(japanese, 0, hangul))
    summed = np.stack(list(columns.values()), axis=1)
    total, best = summed.sum(axis=1), summed.argmax(axis=1)
    names = pl.Series([{"Hira": "Jpan", "Hang": "Kore"}.get(code, code) for code in _CODES])
    known = pl.Series(total > 0)
    script = pl.select(pl.when(known).then(names.gather(best)).alias("script"))["script"]
    shares = summed[np.arange(len(best)), best] / np.maximum(total, 1)
    return script, pl.select(pl.when(known).then(pl.Series(shares)).alias("share"))["share"]


def languages_in(script: str, labels: tuple[str, ...]) -> frozenset[str]:
    """Those of a model's labels that are written in a script; empty where nothing is known of it."""
    own = frozenset(label for label in labels if label.partition("_")[2] == script)
    if own or any("_" in label for label in labels):
        return own
    return frozenset(_WRITTEN_IN.get(script, "").split()) & frozenset(labels)


@lru_cache(maxsize=1)
def _script_of_characters() -> npt.NDArray[np.uint8]:
    """Number of the script in _CODES of each letter; 255 for what is no letter or of another script."""
    import regex

    table = np.full(_CODE_POINTS, 255, np.uint8)
    characters = "".join(chr(code) for code in range(_CODE_POINTS) if not 0xD800 <= code < 0xE000)
    letters = "".join(regex.findall(r"[\p{L}\p{M}]+", characters))
    for number, name in enumerate(_SCRIPTS.values()):
        codes = [ord(c) for c in "".join(regex.findall(rf"\p{{Script={name}}}+", letters))]
        table[codes] = number
    return np.concatenate([table, np.full(0x20000 - _CODE_POINTS, 255, np.uint8), _more_han()])


def _more_han() -> npt.NDArray[np.uint8]:
    """The planes of rare Han characters, U+20000 to U+3FFFF."""
    return np.full(0x20000, _CODES.index("Hani"), np.uint8)
