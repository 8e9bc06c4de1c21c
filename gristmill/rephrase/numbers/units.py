"""Units of measure beside numbers, one name for all spellings, and quantities that are equal in different units.

Units are converted by exact factors within a dimension: 1.2 km is 1200 m, three days are 72 hours, 68 °F are 20 °C.
Months and years are a dimension of their own, since days do not make them up. What may stand for several things
("pounds" of weight or money, "degrees") has several meanings, and equals each of them. A word that is no unit here is
none at all. Factors: The International System of Units (BIPM, 9th edition) and NIST SP 811, appendix B.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

Value = int | Fraction  # exact; equal values are equal keys, whichever type


class Meaning(NamedTuple):
    """What a unit measures, and how it becomes the base unit: (value - offset) * factor."""

    dimension: str
    factor: Value
    offset: int = 0


# What metric prefixes are put before: dimension, factor, words, symbol. Words are written without accents.
_METRIC = (
    ("length", 1, "metre metres meter meters metern metro metros metri", "m"),
    ("mass", 1, "gram grams gramm gramme grammes gramo gramos grammo grammi grama gramas", "g"),
    ("volume", 1, "litre litres liter liters litern litro litros litri", "l"),
    ("power", 1, "watt watts", "W"),
    ("energy", 3600, "watt-hour watt-hours wattstunde wattstunden wattheure wattheures", "Wh"),
    ("energy", 1, "joule joules", "J"),
    ("energy", Fraction(4184, 1000), "calorie calories kalorie kalorien caloria calorias", "cal"),
    ("frequency", 1, "hertz", "Hz"),
    ("voltage", 1, "volt volts", "V"),
    ("current", 1, "ampere amperes amp amps", "A"),
    ("pressure", 1, "pascal pascals", "Pa"),
    ("pressure", 100_000, "bar", "bar"),
    ("data", 8, "byte bytes octet octets", "B"),
    ("data", 1, "bit bits", "bit"),
)
_PREFIXES = (
    ("n", "nano", Fraction(1, 10**9)), ("µ", "micro mikro", Fraction(1, 10**6)),
    ("m", "milli mili", Fraction(1, 1000)), ("c", "centi zenti", Fraction(1, 100)),
    ("d", "deci dezi", Fraction(1, 10)), ("h", "hecto hekto", 100), ("k", "kilo quilo", 1000),
    ("M", "mega", 10**6), ("G", "giga", 10**9), ("T", "tera", 10**12),
)  # fmt: skip
_INCH = Fraction(254, 10_000)
_POUND = Fraction(45_359_237, 100_000)  # grams
_US_GALLON = Fraction(3_785_411_784, 10**9)  # litres
_DEGREES = (Meaning("temperature", 1), Meaning("temperature", Fraction(5, 9), 32), Meaning("angle", 1))
_DAY = 86_400  # seconds
# Name, meanings, words, symbols.
_OTHERS: tuple[tuple[str, tuple[Meaning, ...], str, str], ...] = (
    ("mile", (Meaning("length", 63_360 * _INCH),), "mile miles meile meilen", ""),
    ("nautical mile", (Meaning("length", 1852),), "seemeile seemeilen", "nmi"),
    ("foot", (Meaning("length", 12 * _INCH),), "foot feet fuss pied pieds pie pies piede piedi", "ft"),
    ("inch", (Meaning("length", _INCH),), "inch inches zoll pouce pouces pulgada pulgadas", ""),
    ("yard", (Meaning("length", 36 * _INCH),), "yard yards", "yd"),
    ("light-year", (Meaning("light", 1),), "light-year light-years lichtjahr lichtjahre lichtjahren", "ly"),
    ("astronomical", (Meaning("orbit", 1),), "astronomical astronomische astronomischen", "AU AE UA"),
    ("hectare", (Meaning("area", 10_000),), "hectare hectares hektar hektare ettari ettaro hectarea hectareas", "ha"),
    ("acre", (Meaning("area", 43_560 * 144 * _INCH**2),), "acre acres", "ac"),
    ("gallon", (Meaning("volume", _US_GALLON), Meaning("volume", Fraction(454_609, 100_000))), "gallon gallons", "gal"),
    ("quart", (Meaning("volume", _US_GALLON / 4), Meaning("volume", Fraction(1_136_523, 10**6))), "quarts", "qt"),
    ("pint", (Meaning("volume", _US_GALLON / 8), Meaning("volume", Fraction(568_261, 10**6))), "pint pints", "pt"),
    ("barrel", (Meaning("barrel", 1),), "barrel barrels fass baril barils", "bbl"),
    ("tablespoon", (Meaning("spoon", 3),), "tablespoon tablespoons essloffel essloffeln", "tbsp EL"),
    ("teaspoon", (Meaning("spoon", 1),), "teaspoon teaspoons teeloffel teeloffeln", "tsp TL"),
    ("cup", (Meaning("cup", 1),), "cup cups tasse tassen tasses", ""),
    ("tonne", (Meaning("mass", 10**6),), "tonne tonnes ton tons tonnen tonelada toneladas tonnellate ton", "t"),
    ("ounce", (Meaning("mass", _POUND / 16), Meaning("ounce", 1)), "ounce ounces unze unzen onces", "oz"),
    ("pound", (Meaning("mass", _POUND), Meaning("sterling", 1), Meaning("mass", 500)), "pound pounds pfund", ""),
    ("pound of mass", (Meaning("mass", _POUND),), "", "lb lbs"),
    ("stone", (Meaning("mass", 14 * _POUND),), "stone", ""),
    ("carat", (Meaning("carat", 1),), "carat carats karat", "ct"),
    ("kg", (Meaning("mass", 1000),), "kilo kilos chilo chili quilo quilos", ""),
    ("ms", (Meaning("time", Fraction(1, 1000)),),
     "millisecond milliseconds millisekunde millisekunden milliseconde millisecondes", "ms"),
    ("s", (Meaning("time", 1),), "seconds sekunde sekunden secondes segundos secondi seconden sekunder", "s sec"),
    ("min", (Meaning("time", 60),), "minute minutes minuten minuto minutos minuti minutter minuut", "min"),
    ("h", (Meaning("time", 3600),), "hour hours stunde stunden heure heures hora horas ora ore uur timer", "h hr hrs"),
    ("day", (Meaning("time", _DAY),),
     "day days tag tage tagen jour jours journee dia dias giorno giorni dag dagen dage", "d"),
    ("week", (Meaning("time", 7 * _DAY),),
     "week weeks woche wochen semaine semaines semana semanas settimana settimane weken uge uger", ""),
    ("fortnight", (Meaning("time", 14 * _DAY),), "fortnight fortnights", ""),
    ("month", (Meaning("calendar", 1),),
     "month months monat monate monaten mois mes meses mese mesi maand maanden maned maneder", ""),
    ("year", (Meaning("calendar", 12),),
     "year years jahr jahre jahren ans annee annees ano anos anno anni jaar jaren", "yr yrs"),
    ("twelvemonth", (Meaning("calendar", 12),), "twelvemonth", ""),
    ("quarter", (Meaning("calendar", 3),), "quartal quartale quartalen trimestre trimestres", ""),
    ("decade", (Meaning("calendar", 120),),
     "decade decades jahrzehnt jahrzehnte jahrzehnten decennie decennies decada decadas decennio decennia", ""),
    ("millennium", (Meaning("calendar", 12000),),
     "millennium millennia millenniums jahrtausend jahrtausende jahrtausenden millenaire millenaires milenio milenios"
     " millennio millenni", ""),
    ("century", (Meaning("calendar", 1200),),
     "century centuries jahrhundert jahrhunderte jahrhunderten siecle siecles siglo siglos secolo secoli eeuw eeuwen",
     ""),
    ("percent", (Meaning("share", Fraction(1, 100)),), "percent percentage prozent prozentpunkte procent pct", "%"),
    ("per mille", (Meaning("share", Fraction(1, 1000)),), "promille", "‰"),
    ("dollar", (Meaning("dollar", 1),), "dollar dollars dolares dollari buck bucks", "$ USD"),
    ("euro", (Meaning("euro", 1),), "euro euros", "€ EUR"),
    ("pound sterling", (Meaning("sterling", 1),), "sterling quid", "£ GBP"),
    ("penny", (Meaning("sterling", Fraction(1, 100)),), "pence penny", "p"),
    ("cent", (Meaning("dollar", Fraction(1, 100)), Meaning("euro", Fraction(1, 100))),
     "cents centimes centesimi centavos", "ct"),
    ("yen", (Meaning("yen", 1),), "yen", "¥ JPY"),
    ("franc", (Meaning("franc", 1),), "franc francs franken", "CHF Fr"),
    ("mark", (Meaning("mark", 1),), "mark marks", "DM"),
    ("rupee", (Meaning("rupee", 1),), "rupee rupees rupien roupies", "₹ Rs INR"),
    ("krona", (Meaning("krona", 1),), "krona kronor krone kroner kronen crown crowns couronnes", "kr SEK NOK DKK"),
    ("yuan", (Meaning("yuan", 1),), "yuan renminbi", "CNY"),
    ("degree", _DEGREES, "degree degrees grad degre degres grados gradi graus graden grader", "°"),
    ("degree Celsius", _DEGREES[:1], "", "°C"),
    ("degree Fahrenheit", _DEGREES[1:2], "", "°F"),
    ("psi", (Meaning("psi", 1),), "psi", "psi"),
    ("atmosphere", (Meaning("pressure", 101_325),), "", "atm"),
    ("horsepower", (Meaning("horsepower", 1),), "horsepower pferdestarken chevaux", "hp PS ch"),
    ("ohm", (Meaning("ohm", 1),), "ohm ohms", "Ω"),
    ("kibibyte", (Meaning("data", 8 * 2**10),), "kibibyte kibibytes", "KiB"),
    ("mebibyte", (Meaning("data", 8 * 2**20),), "mebibyte mebibytes", "MiB"),
    ("gibibyte", (Meaning("data", 8 * 2**30),), "gibibyte gibibytes", "GiB"),
    ("pixel", (Meaning("pixel", 1),), "pixel pixels", "px"),
    ("megapixel", (Meaning("pixel", 10**6),), "megapixel megapixels", "MP"),
)  # fmt: skip

# What says a unit without a number: name, how many.
_HOW_OFTEN = {
    "hourly": ("h", 1), "stundlich": ("h", 1),
    "daily": ("day", 1), "taglich": ("day", 1), "quotidien": ("day", 1), "quotidienne": ("day", 1),
    "weekly": ("week", 1), "wochentlich": ("week", 1), "hebdomadaire": ("week", 1), "fortnightly": ("week", 2),
    "weekend": ("day", 2), "wochenende": ("day", 2),
    "monthly": ("month", 1), "monatlich": ("month", 1), "mensuel": ("month", 1), "mensuelle": ("month", 1),
    "quarterly": ("month", 3), "vierteljahrlich": ("month", 3), "trimestriel": ("month", 3),
    "yearly": ("year", 1), "annual": ("year", 1), "annually": ("year", 1), "jahrlich": ("year", 1),
    "annuel": ("year", 1), "annuelle": ("year", 1),
}  # fmt: skip
_ACCENTS = str.maketrans("àáâäãåçèéêëìíîïñòóôöõøùúûü", "aaaaaaceeeeiiiinoooooouuuu")
_NO_WORDS = frozenset({"pie", "ora", "ore", "mes", "stone", "mark", "dag"})  # units behind a number only
_SPACE = "[ \u00a0\u202f\u2009]"
_AFTER = re.compile(
    rf"(?:{_SPACE}|-)?"
    r"(?:(?:(?:additional|more|whole|full|further|long|short|consecutive|working|extra|de|weiteren?|vollen?|ganzen?|US|unités)"
    rf"{_SPACE})|d['’])?"
    rf"(?:(?P<power>square|cubic|sq\.?|cu\.?|nautical|light)(?:{_SPACE}|-))?"
    r"(?P<unit>°\s?[CF]?|[%‰]|[€$£¥₹](?!\d)|per ?cent|pour cent|por cien(?:to)?|per cento|por cento"
    r"|c(?:uillères?|\.) ?à (?:soupe|café|[sc]\.)"
    r"|(?:watt|kilowatt|megawatt|light)-?(?:hours?|years?)|km/h|[^\W\d_]+(?!['’](?!s\b)\w))"
    rf"(?P<behind>[23](?!\w)|{_SPACE}(?:carrée?s?|cubes?|cuadrados|quadrados|quadrati)\b)?"
    rf"(?P<rate>/(?:h|s)\b|{_SPACE}(?:per|an?|pro|par|je|à l['’]|por|all['’]){_SPACE}?"
    r"(?:hour|second|stunde|sekunde|heure|seconde|hora|ora)\b)?",
    re.IGNORECASE,
)
_SIGNS = frozenset("$€£¥₹s")
_BEFORE = re.compile(r"(?:[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|Rs\.?|DM))\s?\Z")
_MAX_AFTER_CHARS = 48
_PHRASES = {
    "percent": "percent", "pourcent": "percent", "porciento": "percent", "porcien": "percent",
    "percento": "percent", "porcento": "percent",
    "c.asoupe": "tablespoon", "c.as.": "tablespoon", "c.acafe": "teaspoon", "c.ac.": "teaspoon",
    "cuillereasoupe": "tablespoon", "cuilleresasoupe": "tablespoon",
    "cuillereacafe": "teaspoon", "cuilleresacafe": "teaspoon",
}  # fmt: skip
_PER_SECOND = re.compile(r"(?:/s|second|sekunde|seconde)\Z", re.IGNORECASE)
_POWERS = {"sq": 2, "square": 2, "cu": 3, "cubic": 3, "cube": 3, "cubes": 3, "2": 2, "3": 3}
_OTHER_SYMBOLS = {
    "cc": "cm³", "ccm": "cm³", "qm": "m²", "qkm": "km²", "sqm": "m²", "mL": "ml", "L": "l", "KB": "kB", "Mb": "Mbit",
    "kmh": "km/h", "kph": "km/h", "km/h": "km/h", "KM": "km", "mph": "mile/h", "μm": "µm", "kn": "nautical mile/h",
    "kt": "nautical mile/h",
}  # fmt: skip


def _tables() -> tuple[dict[str, tuple[Meaning, ...]], dict[str, str], dict[str, str]]:
    """Meanings by name, names by word, names by symbol."""
    meanings: dict[str, tuple[Meaning, ...]] = {}
    words: dict[str, str] = {}
    symbols: dict[str, str] = {}
    for name, of, written, short in _OTHERS:
        meanings[name] = of
        words |= dict.fromkeys(written.split(), name)
        symbols |= dict.fromkeys(short.split(), name)
    for dimension, factor, written, short in _METRIC:
        for prefix, spelled, scale in (("", "", 1), *_PREFIXES):
            unit = prefix + short
            meanings[unit] = (Meaning(dimension, factor * scale),)
            words |= {first + word: unit for first in spelled.split() or [""] for word in written.split()}
            symbols[unit] = unit
    for length in [unit for unit, of in meanings.items() if of[0].dimension == "length"]:
        factor = meanings[length][0].factor
        meanings[f"{length}²"] = (Meaning("area", factor**2),)
        meanings[f"{length}³"] = (Meaning("volume", 1000 * factor**3),)
        meanings[f"{length}/h"] = (Meaning("speed", Fraction(factor) / 3600),)
        meanings[f"{length}/s"] = (Meaning("speed", factor),)
        symbols |= {f"{length}²": f"{length}²", f"{length}³": f"{length}³"}
    for word, unit in list(words.items()):
        if meanings[unit][0].dimension == "length":
            words |= {f"quadrat{word}": f"{unit}²", f"kubik{word}": f"{unit}³"}
    symbols |= _OTHER_SYMBOLS
    words |= dict.fromkeys(("hohenmeter", "hohenmetern"), "m")
    words |= dict.fromkeys(("knot", "knots", "knoten", "noeuds"), "nautical mile/h")
    return meanings, words, symbols


_MEANINGS, _BY_WORD, _BY_SYMBOL = _tables()


def is_unit(word: str) -> bool:
    """Whether the word names a unit."""
    return _fold(word) in _BY_WORD


def is_currency_code(word: str) -> bool:
    """Whether the word is the code of a currency (CHF)."""
    return len(word) == 3 and word.isupper() and word in _BY_SYMBOL


def unit_at(text: str, start: int, end: int) -> str | None:
    """The unit of the number text[start:end], by one name for all spellings; None where none stands beside it."""
    sign = text[max(0, start - 2) : start].strip()[-1:]  # nearly always a letter or none
    if (sign in _SIGNS or sign.isupper() or sign == ".") and (
        before := _BEFORE.search(text, max(0, start - 5), start)
    ):
        return _BY_SYMBOL[before.group().strip().rstrip(".")]
    after = _AFTER.match(text, end, end + _MAX_AFTER_CHARS)
    if after is None or (after["unit"] == "s" and after.start("unit") == end):  # the 1990s
        return None
    return _name(after)


def unit_of_word(word: str) -> tuple[str, int] | None:
    """The unit that a word in lower case says without a number, and how many of it; None where it says none."""
    folded = _fold(word)
    if folded in _HOW_OFTEN:
        return _HOW_OFTEN[folded]
    return (_BY_WORD[folded], 1) if folded in _BY_WORD and folded not in _NO_WORDS else None


def quantities(values: Iterable[Value], unit: str) -> set[tuple[str, Value]]:
    """(dimension, value in its base unit) of the values in a unit, for each of its meanings."""
    return {
        (meaning.dimension, (value - meaning.offset) * meaning.factor)
        for value in values
        for meaning in _MEANINGS[unit]
    }


def dimensions(unit: str) -> frozenset[str]:
    """What a unit may measure."""
    return frozenset(meaning.dimension for meaning in _MEANINGS[unit])


def _name(after: re.Match[str]) -> str | None:
    written = after["unit"]
    phrase = re.sub(r"[\s-]", "", written)
    name = _PHRASES.get(_fold(phrase)) or _BY_SYMBOL.get(phrase) or _BY_WORD.get(_fold(written))
    name = name or _BY_WORD.get(_fold(phrase))
    if name is None:
        return None
    first = (after["power"] or "").lower().rstrip(".")
    if first in ("nautical", "light"):
        return {"nautical": "nautical mile", "light": "light-year"}[first]
    power = _POWERS.get(first)
    if after["behind"]:
        behind = _fold(after["behind"].strip())
        power = _POWERS.get(behind, 2)
    if power is not None:
        return f"{name}{'²³'[power - 2]}" if f"{name}²" in _MEANINGS else name
    if after["rate"]:
        rate = f"{name}/{'s' if _PER_SECOND.search(after['rate']) else 'h'}"
        return rate if rate in _MEANINGS else name
    return name


@lru_cache(maxsize=16_384)
def _fold(word: str) -> str:
    """Case and accents taken off."""
    return word.casefold().translate(_ACCENTS)
