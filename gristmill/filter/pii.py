"""Masking of personal data: e-mail and IP addresses as in FineWeb; telephone, bank account and card numbers.

Documents without an `@` and without digits in the right form are never looked at by Python: a pass of compiled
regular expressions over the column sorts them out.

Two modes. `compat` repeats the PIIFormatter of huggingface/datatrove 0.10, a fresh one for each document; which
IPv4 addresses are public there depends on Python's ipaddress. `strict`, the default, mends:

- The replacement is drawn by hash of the document's id and the number of the match, so it depends on no other text.
- An IPv4 address has no digit, letter or dot group beside it: `256.1.1.1`, `1.2.3.4.5` and `v1.2.3.4` are none, nor
  is what follows the word "version". Public is what IANA's registries leave, multicast excluded.
- IPv6 addresses of global unicast are found.
- What stands before the `@` in `scheme://user:password@host` is no e-mail address.
- Letters of alphabets with spaces between words (Latin, Greek, Cyrillic, Arabic, Hebrew, ...) are letters in
  addresses; those of Chinese or Thai are where an address ends. An address all in such letters is not found.

Where kinds overlap, the first of e-mail, IBAN, card, phone, IP wins.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl
import regex

from gristmill.errors import RecipeError
from gristmill.filter.batch import Batch
from gristmill.filter.options.pii import PiiOptions
from gristmill.hashing import random_u64

EMAIL, IBAN, CARD, PHONE, IP = KINDS = ("emails", "ibans", "cards", "phones", "ips")

_STAGE = "filter/pii"
_MAX_LOCAL_CHARS = 64  # RFC 5321, 4.5.3.1.1
_MAX_HOST_CHARS = 255  # RFC 1035, 2.3.4

# -- compat: the expressions of datatrove's PIIFormatter, cut at the @ ---------------------------------------------
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_COMPAT_START = re.compile(rf"\b{_ATOM}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_COMPAT_HOST = re.compile(
    rf"(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\]"
)
_COMPAT_IP = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")

# -- strict ---------------------------------------------------------------------------------------------------------
_NO_SPACES = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
)
_LETTER = rf"[[\p{{L}}\p{{M}}0-9]--[{_NO_SPACES}]]"
_LETTER_AT = regex.compile(_LETTER, regex.V1)
_STRICT_HOST = regex.compile(
    rf"(?:{_LETTER}(?:[{_LETTER}-]*{_LETTER})?\.)+{_LETTER}(?:[{_LETTER}-]*{_LETTER})?|\[(?:{_OCTET}\.){{3}}{_OCTET}\]",
    regex.V1,
)
_MARKS = frozenset("!#$%&'*+/=?^_`{|}~-.")
_USER_PART = re.compile(r"(?i)(?<![a-z])(?!mailto:)[a-z][a-z0-9+.-]*://[^\s/?#@]*\Z")
_USER_PART_CHARS = 200
_NO_ZERO = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_STRICT_IPV4 = re.compile(rf"(?:{_NO_ZERO}\.){{3}}{_NO_ZERO}(?!\w|\.\d)")
# An expression that begins with a set of characters is searched for quickly; one that begins with a condition is not.
_NUMBERS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_NO_IP_AFTER = re.compile(r"[\w.]")
_VERSION_BEFORE = re.compile(r"(?i)\b(?:v|ver|vers|version|release|rev|revision|build|firmware)[.:]? ?\Z")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_BEFORE_COLON = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
_IPV6 = re.compile(  # the last 32 bits may be written as IPv4
    r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){2,7}"
    rf"(?:(?<=:)(?:{_NO_ZERO}\.){{3}}{_NO_ZERO})?(?![\w:]|\.\d)"
)
_LONG_GROUP = re.compile(r"[0-9A-Fa-f]{3}")
# Not globally reachable, or not one machine's: IANA registries of special-purpose addresses, and multicast.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")

# Length of a bank account number by country. Source: the IBAN registry of ISO 13616.
_IBAN_CHARS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_IBAN_START = re.compile(r"([A-Z]{2})[0-9]{2}(?=[ \u00a0]?[A-Z0-9])")
_CARD = re.compile(
    r"(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?![\w-]|[.,]\d)"
)
# (first and last leading digits, lengths) of issuers. Source: ISO/IEC 7812 ranges as the card networks publish them.
_NO_CARD_AFTER = re.compile(r"[\w+.,-]")
_ISSUERS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)), ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)), ("37", "37", (15,)),  # American Express
    ("6011", "6011", (16, 17, 18, 19)), ("644", "659", (16, 17, 18, 19)),  # Discover
    ("300", "305", (14,)), ("36", "36", (14,)), ("38", "39", (14,)),  # Diners Club
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
)  # fmt: skip
_REST = r"(?:[ .\u00a0/-]{0,2}[0-9]){5,13}(?!\w)"
_WORLD_PHONE = re.compile(rf"(?:\+|00)[1-9][0-9]{{0,2}}(?:[ .\u00a0-]?\([0-9]{{1,4}}\))?{_REST}")
_ANY_PHONE = re.compile(rf"{_WORLD_PHONE.pattern}|(?:\([0-9]{{1,5}}\)|[0-9]){_REST}")
_LAST_GROUP = re.compile(r"[ .\u00a0/-]+[0-9]+\Z")
_NO_PHONE_AFTER = re.compile(r"[\w+./-]")

# What a document must hold to be looked at, in the syntax of Rust's regex crate.
_MAY_HOLD = {
    EMAIL: "@",
    IBAN: r"[A-Z]{2}[0-9]{2}[ \x{a0}]?[A-Z0-9]{3}",
    CARD: r"[0-9](?:[ -]?[0-9]){12}",
    PHONE: r"(?:\+|00)[1-9](?:[ ().\x{a0}/-]{0,2}[0-9]){6}",
    IP: r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]",
}
_MAY_HOLD_NATIONAL_PHONE = r"[0-9](?:[ ().\x{a0}/-]{0,2}[0-9]){6}"


def mask_batch(batch: Batch, options: PiiOptions, *, mode: str) -> None:
    """Mask the texts of a batch's live documents; counts go into the decisions (`pii.KIND`) and into `meta`."""
    live = batch.live
    kept = batch.documents.filter(live)
    texts, counts = mask_pii(kept["id"], kept["text"], options, mode=mode)
    batch.edit(live, texts, counts.rename(lambda name: f"pii.{name}"))
    meta = batch.documents["meta"].scatter(live.arg_true(), note_counts(kept["meta"], counts))
    batch.describe(meta.to_frame())


def mask_pii(
    ids: pl.Series, texts: pl.Series, options: PiiOptions, *, mode: str = "strict"
) -> tuple[pl.Series, pl.DataFrame]:
    """(texts with personal data replaced, how often per kind), a row per document, in order.

    The counts have a column (Int64) for each of KINDS. A row depends on its id and text alone. Text without
    personal data costs a pass of regular expressions: several hundred MB per second on one core.
    """
    wanted = wanted_kinds(options, mode)
    may_hold = pl.DataFrame([_may_hold(texts, kind, options).alias(kind) for kind in wanted])
    if not wanted:
        return texts, pl.DataFrame(
            {kind: pl.repeat(0, len(texts), dtype=pl.Int64, eager=True) for kind in KINDS}
        )
    rows = may_hold.select(pl.any_horizontal(pl.all()).alias("any"))["any"].arg_true()
    counts = {kind: [0] * len(rows) for kind in KINDS}
    masked: list[str] = []
    for place, row in enumerate(rows):
        if mode == "compat":
            text, found = mask_compat(texts[row], options, Rotation())
        else:
            text, found = _mask(
                ids[row], texts[row], [kind for kind in wanted if may_hold[row, kind]], options
            )
        masked.append(text)
        for kind, count in found.items():
            counts[kind][place] = count
    zeros = pl.repeat(0, len(texts), dtype=pl.Int64, eager=True)
    table = pl.DataFrame(
        [zeros.scatter(rows, counts[kind]).alias(kind) if len(rows) else zeros.alias(kind) for kind in KINDS]
    )
    return (texts.scatter(rows, masked) if len(rows) else texts), table


def wanted_kinds(options: PiiOptions, mode: str) -> list[str]:
    """The kinds that are looked for, in the order of KINDS; compat knows e-mail and IP only."""
    known = (EMAIL, IP) if mode == "compat" else KINDS
    return [kind for kind in known if getattr(options, kind)]


def note_counts(meta: pl.Series, counts: pl.DataFrame) -> pl.Series:
    """The column `meta` (JSON objects) with the counts of each document under `pii`, where there are any."""
    rows = counts.select(pl.any_horizontal(pl.all() > 0).alias("any"))["any"].arg_true()
    noted = []
    for row in rows:
        found = {kind: count for kind, count in counts.row(row, named=True).items() if count}
        noted.append(
            json.dumps({**json.loads(meta[row] or "{}"), "pii": found}, sort_keys=True, ensure_ascii=False)
        )
    return meta.scatter(rows, noted) if noted else meta


def _may_hold(texts: pl.Series, kind: str, options: PiiOptions) -> pl.Series:
    pattern = _MAY_HOLD[kind]
    if kind == PHONE and options.phone_region is not None:
        pattern = _MAY_HOLD_NATIONAL_PHONE
    return texts.str.contains(pattern, literal=kind == EMAIL).fill_null(False)


# -- compat ---------------------------------------------------------------------------------------------------------


@dataclass
class Rotation:
    """Which replacement comes next; the reference goes on from document to document."""

    email: int = 0
    ip: int = 0


def mask_compat(text: str, options: PiiOptions, rotation: Rotation) -> tuple[str, dict[str, int]]:
    """The text as huggingface/datatrove's PIIFormatter leaves it, and how often each kind was replaced."""
    found = {EMAIL: 0, IP: 0}
    if options.emails:
        pieces, last = [], 0
        for start, end in _find_compat_emails(text):
            pieces += [text[last:start], options.email_replacements[rotation.email]]
            rotation.email = (rotation.email + 1) % len(options.email_replacements)
            found[EMAIL] += 1
            last = end
        text = "".join([*pieces, text[last:]])

    def replace(match: re.Match[str]) -> str:
        try:
            address = ipaddress.ip_address(match.group())
        except ValueError:  # leading zeros
            return match.group()
        if options.public_ips_only and not address.is_global:
            return match.group()
        replacement = options.ipv4_replacements[rotation.ip]
        rotation.ip = (rotation.ip + 1) % len(options.ipv4_replacements)
        found[IP] += 1
        return replacement

    if options.ips and _NUMBERS.search(text):
        text = _COMPAT_IP.sub(replace, text)
    return text, found


def _find_compat_emails(text: str) -> Iterator[tuple[int, int]]:
    """Matches of the reference's expression from left to right, in time linear in the text.

    Each holds one `@`. So the expression is tried around each `@`, not from each character.
    """
    last = 0
    at = text.find("@")
    while at >= 0:
        start = _compat_start(text, last, at)
        host = _COMPAT_HOST.match(text, at + 1) if start is not None else None
        if start is not None and host is not None:
            yield start, host.end()
            last = host.end()
        at = text.find("@", max(at + 1, last))


def _compat_start(text: str, first: int, at: int) -> int | None:
    """Where the longest local part begins that ends before `at` and not before `first`."""
    begin = at
    while begin > first and (
        text[begin - 1] in _MARKS or (text[begin - 1].isascii() and text[begin - 1].isalnum())
    ):
        begin -= 1
    if begin == at or text[at - 1] == ".":
        return None
    doubled = text.rfind("..", begin, at)
    match = _COMPAT_START.search(text, begin if doubled < 0 else doubled + 2, at)
    return match.start() if match else None


# -- strict ---------------------------------------------------------------------------------------------------------


def _mask(
    document_id: str, text: str, kinds: Sequence[str], options: PiiOptions
) -> tuple[str, dict[str, int]]:
    """The text with what was found replaced; the number of a match is its place among those of its kind."""
    taken: list[_Span] = []
    for kind in kinds:
        found = _FINDERS[kind](text, options)
        taken = _merge(taken, [_Span(start, end, kind) for start, end in found]) if found else taken
    counts = dict.fromkeys(KINDS, 0)
    pieces, last = [], 0
    for span in taken:
        pieces += [
            text[last : span.start],
            _replacement(span, text[span.start : span.end], f"{document_id}:{counts[span.kind]}", options),
        ]
        counts[span.kind] += 1
        last = span.end
    return "".join([*pieces, text[last:]]), counts


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    kind: str


def _merge(taken: list[_Span], found: list[_Span]) -> list[_Span]:
    """Both, by place, without those of `found` that overlap one of `taken`."""
    merged: list[_Span] = []
    waiting = list(reversed(taken))
    last = -1
    for span in found:
        while waiting and waiting[-1].start < span.end:
            merged.append(waiting.pop())
            last = merged[-1].end
        if span.start >= last:
            merged.append(span)
    return merged + list(reversed(waiting))


def _replacement(span: _Span, original: str, key: str, options: PiiOptions) -> str:
    if span.kind in (EMAIL, IP):
        v6 = ":" in original
        choices = options.email_replacements
        if span.kind == IP:
            choices = options.ipv6_replacements if v6 else options.ipv4_replacements
        return choices[random_u64(0, f"{_STAGE}/{span.kind}", key) % len(choices)]
    return {
        PHONE: options.phone_replacement,
        IBAN: options.iban_replacement,
        CARD: options.card_replacement,
    }[span.kind]


def _find_emails(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    last = 0
    at = text.find("@")
    while at >= 0:
        start = _local_start(text, last, at)
        if start is not None and not _USER_PART.search(text, max(0, at - _USER_PART_CHARS), at):
            host = _STRICT_HOST.match(text, at + 1, at + 2 + _MAX_HOST_CHARS)
            if host is not None:
                found.append((start, host.end()))
                last = host.end()
        at = text.find("@", max(at + 1, last))
    return found


def _local_start(text: str, first: int, at: int) -> int | None:
    begin = at
    while begin > first and (text[begin - 1] in _MARKS or _LETTER_AT.match(text, begin - 1)):
        begin -= 1
        if text[begin] == "." and (begin + 1 == at or text[begin + 1] == "."):
            begin += 1
            break
        if at - begin > _MAX_LOCAL_CHARS:
            return None
    while begin < at and text[begin] in _MARKS and text[begin] != "_":
        begin += 1
    return begin if begin < at and text[at - 1] != "." else None


def _find_ips(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    found = _find_ipv6(text, options)
    longer = list(found)
    for candidate in _NUMBERS.finditer(text):
        start = candidate.start()
        match = _STRICT_IPV4.match(text, start)
        if match is None or (start and _NO_IP_AFTER.match(text[start - 1])):
            continue
        if _VERSION_BEFORE.search(text, max(0, start - 12), start):
            continue
        if any(first <= start < last for first, last in longer):
            continue
        if not options.public_ips_only or _is_public(ipaddress.ip_address(match.group())):
            found.append(match.span())
    return sorted(found)


def _find_ipv6(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    found = []
    end = 0
    while (colons := _COLONS.search(text, end)) is not None:
        before = _BEFORE_COLON.search(text, max(end, colons.start() - 4), colons.start())
        match = _IPV6.match(text, before.start() if before else colons.start())
        end = match.end() if match else colons.start() + 1
        if match is not None and _is_masked_v6(match.group(), options):
            found.append(match.span())
    return found


def _is_masked_v6(written: str, options: PiiOptions) -> bool:
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    return _is_public(address) if options.public_ips_only else _LONG_GROUP.search(written) is not None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in block for block in _NOT_PUBLIC if block.version == address.version)


def _find_ibans(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    found = []
    for match in _IBAN_START.finditer(text):
        chars = _IBAN_CHARS.get(match.group(1))
        if chars is None or (match.start() and text[match.start() - 1].isalnum()):
            continue
        whole = _iban_pattern(chars).match(text, match.start())
        if whole is not None:
            plain = re.sub(r"[ \u00a0]", "", whole.group())
            digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
            if int(digits) % 97 == 1:
                found.append(whole.span())
    return found


@lru_cache(maxsize=64)
def _iban_pattern(chars: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Z0-9](?:[ \u00a0]?[A-Z0-9]){{{chars - 1}}}(?![A-Za-z0-9])")


def _find_cards(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    found = []
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match.group())
        issued = any(
            first <= digits[: len(first)] <= last and len(digits) in lengths
            for first, last, lengths in _ISSUERS
        )
        alone = not (match.start() and _NO_CARD_AFTER.match(text[match.start() - 1]))
        if issued and alone and _luhn(digits):
            found.append(match.span())
    return found


def _luhn(digits: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _find_phones(text: str, options: PiiOptions) -> list[tuple[int, int]]:
    pattern = _WORLD_PHONE if options.phone_region is None else _ANY_PHONE
    found = []
    for match in pattern.finditer(text):
        number = match.group()
        if match.start() and _NO_PHONE_AFTER.match(text[match.start() - 1]):
            continue
        # What follows a number may look like a part of it.
        for _ in range(3):
            if _is_phone(number, options.phone_region):
                found.append((match.start(), match.start() + len(number)))
                break
            shorter = _LAST_GROUP.sub("", number)
            if shorter == number:
                break
            number = shorter
    return found


def _is_phone(number: str, region: str | None) -> bool:
    try:
        import phonenumbers
    except ImportError as error:
        raise RecipeError(
            "filter.pii.phones: needs the package phonenumbers; install it: pip install 'gristmill[phones]'"
        ) from error
    try:
        parsed = phonenumbers.parse(re.sub(r"^00", "+", number), region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(parsed))


_FINDERS: dict[str, Callable[[str, PiiOptions], list[tuple[int, int]]]] = {
    EMAIL: _find_emails,
    IBAN: _find_ibans,
    CARD: _find_cards,
    PHONE: _find_phones,
    IP: _find_ips,
}
