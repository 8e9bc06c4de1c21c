"""Licences of source code: tags, the texts of LICENSE files, package metadata, and headers of files.

A file's licence is, in this order: its own tag (`SPDX-License-Identifier:`), a licence that its first lines name, that
of the nearest folder above it with a LICENSE file, and that of the nearest package file (pyproject.toml, setup.cfg,
package.json, Cargo.toml, composer.json). Names are SPDX identifiers, or expressions of them where there are several.

Texts are recognised by fingerprints: hashes of runs of three words, of which each licence keeps about a hundred and
fifty, chosen by value; the table is made by scripts/licence_fingerprints.py from the standard texts and holds no text.
The GNU licences' texts do not say whether later versions are allowed; then the name has no `-only` or `-or-later`.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import xxhash

MAX_LICENCE_BYTES = 200_000  # a longer LICENSE file is looked at up to here
SIMILAR = 0.75  # share of a licence's hashes that a text must have
_FINGERPRINTS = "licence_fingerprints.txt"
_GRAM_WORDS = 3
_HEAD_CHARS = 4_000  # of a source file in which tags and headers stand

PERMISSIVE, WEAK, COPYLEFT, UNKNOWN = "permissive", "weak_copyleft", "copyleft", "unknown"
_CLASSES = {
    PERMISSIVE: r"(?:MIT(?:-\w+)?|X11|BSD-.*|0BSD|Apache-.*|ISC|Zlib|BSL-1\.0|PSF-2\.0|Python-2\.0.*|Unlicense|CC0-1\.0"
    r"|WTFPL|NCSA|PostgreSQL|Artistic-2\.0|UPL-1\.0|BlueOak-1\.0\.0|MS-PL|CC-BY-[\d.]+|AFL-.*|MulanPSL-.*|curl|OpenSSL|"
    r"Unicode-.*|bzip2-.*|libpng.*|Ruby|HPND.*|W3C|TCL|ICU|FTL|Vim)",
    WEAK: r"(?:LGPL-.*|MPL-.*|EPL-.*|CDDL-.*|CPL-1\.0|MS-RL|Artistic-1\.0.*|OFL-.*|EUPL-.*|OSL-.*|LPL-.*|APSL-.*)",
    COPYLEFT: r"(?:A?GPL-.*|GFDL-.*|CC-BY-SA-.*|SSPL-.*|Sleepycat|QPL-.*|CECILL-.*|ODbL-.*)",
}
_ORDER = (PERMISSIVE, WEAK, COPYLEFT, UNKNOWN)

_SPDX_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+()\- ]{2,200})")
_LICENCE_NAME = re.compile(r"(?i)^(?:un)?(?:licen[cs]e|copying|licen[cs]es)(?:[-._].*)?$")
_PACKAGE_NAMES = frozenset({"pyproject.toml", "setup.cfg", "package.json", "cargo.toml", "composer.json"})
_NOT_TEXT = re.compile(r"(?i)\.(?:py|js|ts|go|c|h|rs|java|rb|json|ya?ml|svg|png)$")
_WORD = re.compile(r"[a-z0-9]+")
_COPYRIGHT_LINE = re.compile(
    r"(?im)^.{0,20}\bcopyright\b.{0,60}\d{4}.{0,100}$|^.{0,10}all rights reserved\.?\s*$"
)
_COMMENT_MARKS = re.compile(r"(?m)^[ \t]*(?://+|#+|\*+|--+|;+|%+|/\*+|<!--|\"\"\"|''')[ \t]?|\*/|-->")

# What headers say, after white space is made single; the first that is found counts.
_VERSION = r"(?:,? ?(?:either )?version (\d(?:\.\d)?)(?: only)?| ?v(\d(?:\.\d)?))"
_LATER = re.compile(
    r"(?:or|and) \(?(?:at your option\)? )?any later version|or later|or newer", re.IGNORECASE
)
_GNU = re.compile(
    rf"GNU (Affero |Lesser |Library )?General Public Licen[cs]e[^.]{{0,160}}?{_VERSION}"
    r"|\b(A|L)?GPL[ -]?v?(\d(?:\.\d)?)(\+)?",
    re.IGNORECASE,
)
_HEADERS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "Apache-2.0",
            r"Apache (?:Software )?Licen[cs]e,? (?:Version|v\.?) ?2|apache\.org/licenses/LICENSE-2\.0",
        ),
        ("MPL-2.0", r"Mozilla Public Licen[cs]e,? (?:Version |v\. ?)2\.0|mozilla\.org/MPL/2\.0"),
        ("EPL-2.0", r"Eclipse Public Licen[cs]e,? (?:- )?(?:Version |v\.? ?)2"),
        ("EPL-1.0", r"Eclipse Public Licen[cs]e,? (?:- )?(?:Version |v\.? ?)1"),
        ("BSL-1.0", r"Boost Software Licen[cs]e"),
        ("CC0-1.0", r"creativecommons\.org/publicdomain/zero|CC0 1\.0"),
        ("Unlicense", r"\bThe Unlicense\b|unlicense\.org"),
        ("ISC", r"\bISC Licen[cs]e\b"),
        ("Zlib", r"\bzlib/?(?:libpng)? licen[cs]e\b"),
        ("BSD-2-Clause", r"\b(?:Simplified|FreeBSD|2-clause) BSD\b|\bBSD[- ]2[- ]Clause"),
        (
            "BSD-3-Clause",
            r"\b(?:New|Modified|Revised|3-clause) BSD\b|\bBSD[- ]3[- ]Clause|BSD-style licen[cs]e",
        ),
        (
            "MIT",
            r"\bMIT[- ]Licen[cs]e\b|under (?:the )?(?:terms of (?:the )?)?MIT\b|opensource\.org/licenses/MIT",
        ),
    )
)
# Names in package files that are no SPDX identifiers, in lower case without marks.
_ALIASES = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "expat": "MIT",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2 0": "Apache-2.0",
    "apache license 2 0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache license version 2 0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "bsd 2 clause license": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "isc license": "ISC",
    "isc": "ISC",
    "isc license iscl": "ISC",
    "mpl": "MPL-2.0",
    "mpl 2 0": "MPL-2.0",
    "mozilla public license 2 0": "MPL-2.0",
    "mozilla public license 2 0 mpl 2 0": "MPL-2.0",
    "gplv2": "GPL-2.0",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0",
    "gnu general public license v2 gplv2": "GPL-2.0",
    "gnu general public license v3 gplv3": "GPL-3.0",
    "gnu general public license v3 or later gplv3+": "GPL-3.0-or-later",
    "gnu lesser general public license v3 lgplv3": "LGPL-3.0",
    "gnu affero general public license v3": "AGPL-3.0",
    "unlicense": "Unlicense",
    "the unlicense unlicense": "Unlicense",
    "public domain": "Unlicense",
    "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "zlib": "Zlib",
    "zlib libpng license": "Zlib",
    "boost software license 1 0 bsl 1 0": "BSL-1.0",
}
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_CLASSIFIER = "License :: OSI Approved :: "


def classify(expression: str | None) -> str:
    """permissive, weak_copyleft, copyleft or unknown: with OR the freest counts, with AND the strictest."""
    if not expression:
        return UNKNOWN
    classes = []
    for choice in re.split(r"\s+OR\s+|\s*/\s*", expression.replace("(", " ").replace(")", " ")):
        terms = [re.split(r"\s+WITH\s+", term)[0].strip() for term in re.split(r"\s+AND\s+", choice)]
        classes.append(max((_class_of(term) for term in terms), key=_ORDER.index))
    return min(classes, key=_ORDER.index)


def _class_of(identifier: str) -> str:
    return next((name for name, pattern in _CLASSES.items() if re.fullmatch(pattern, identifier)), UNKNOWN)


# -- from one file --------------------------------------------------------------------------------------------------


def licence_of_source(text: str) -> str | None:
    """What a source file says of itself in its first 4,000 characters, or None."""
    head = text[:_HEAD_CHARS]
    tag = _SPDX_TAG.search(head)
    if tag is not None and (named := _clean_expression(tag[1])):
        return named
    if "icen" not in head and "GPL" not in head:  # most files say nothing
        return None
    return licence_of_header(head)


def licence_of_header(text: str) -> str | None:
    """The licence that a notice names, or None. Linear in the text."""
    plain = " ".join(_COMMENT_MARKS.sub(" ", text).split())
    gnu = _gnu_licence(plain)
    if gnu is not None:
        return gnu
    found = next((name for name, pattern in _HEADERS if pattern.search(plain)), None)
    return found or licence_of_text(plain)


def _gnu_licence(plain: str) -> str | None:
    found = _GNU.search(plain)
    if found is None:
        return None
    kind, spelled, short, letter, number, plus = found.groups()
    version = spelled or short or number
    if "." not in version:
        version += ".0"
    prefix = {"a": "AGPL", "l": "LGPL"}.get((kind or letter or "")[:1].lower(), "GPL")
    after = plain[found.start() : found.end() + 160]
    later = "-or-later" if plus or _LATER.search(after) else ""
    return f"{prefix}-{version}{later}"


def licence_of_text(text: str) -> str | None:
    """The licence whose standard text this is, or holds, or None."""
    grams = text_grams(text[:MAX_LICENCE_BYTES])
    best: tuple[float, str] | None = None
    for licence in _fingerprints():
        shared = len(licence.hashes & grams)
        if shared < SIMILAR * len(licence.hashes):
            continue
        sampled = sum(1 for gram in grams if gram % licence.modulus == 0)
        likeness = 2 * shared / (len(licence.hashes) + sampled)
        best = max(best or (0.0, ""), (likeness, licence.name))
    return best[1] if best else None


def text_grams(text: str) -> set[int]:
    """Hashes (32 bits) of all runs of three words, copyright lines left out."""
    words = _WORD.findall(_COPYRIGHT_LINE.sub(" ", text).lower())
    runs = zip(*(words[n:] for n in range(_GRAM_WORDS)), strict=False)
    return {xxhash.xxh3_64_intdigest(" ".join(run).encode()) & 0xFFFFFFFF for run in runs}


@dataclass(frozen=True)
class Fingerprint:
    """The hashes of a licence that `modulus` divides."""

    name: str
    modulus: int
    hashes: frozenset[int]


@cache
def _fingerprints() -> tuple[Fingerprint, ...]:
    lines = files("gristmill.ingest.code").joinpath(_FINGERPRINTS).read_text(encoding="ascii").splitlines()
    listed = [line.split() for line in lines if not line.startswith("#")]
    return tuple(
        Fingerprint(name, int(modulus), frozenset(int(value, 16) for value in values))
        for name, modulus, *values in listed
    )


def licence_of_package(name: str, text: str) -> str | None:
    """What a package file declares, or None; a file that cannot be read declares nothing."""
    try:
        return _clean_expression(_declared(name.lower(), text))
    except (ValueError, RecursionError, configparser.Error):
        return None


def _declared(name: str, text: str) -> str:
    if name in ("package.json", "composer.json"):
        return _licence_field(json.loads(text))
    if name == "setup.cfg":
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        return parser.get("metadata", "license", fallback="")
    document = tomllib.loads(text)
    if name == "cargo.toml":
        return _licence_field(document.get("package"))
    project = document.get("project")
    listed = project.get("classifiers") if isinstance(project, dict) else None
    for line in listed if isinstance(listed, list) else ():
        if isinstance(line, str) and line.startswith(_CLASSIFIER) and not _licence_field(project):
            return line.removeprefix(_CLASSIFIER)
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    return _licence_field(project) or _licence_field(poetry)


def _licence_field(table: Any) -> str:
    declared = table.get("license") if isinstance(table, dict) else None
    if isinstance(declared, dict):
        declared = declared.get("text") or declared.get("type")
    if isinstance(declared, list):
        declared = " OR ".join(item for item in declared if isinstance(item, str))
    return declared if isinstance(declared, str) else ""


def _clean_expression(declared: str) -> str | None:
    """An SPDX expression of what was declared, or None where it is none."""
    text = " ".join(declared.replace("(", " ").replace(")", " ").split())
    if not text or len(text) > 200:
        return None
    alias = _ALIASES.get(" ".join(re.findall(r"[a-z0-9+]+", text.lower())))
    if alias:
        return alias
    terms = text.split(" ")
    operators = {"AND", "OR", "WITH"}
    expected = (
        all((term.upper() in operators) == (n % 2 == 1) for n, term in enumerate(terms)) and len(terms) % 2
    )
    if not expected or not all(_IDENTIFIER.fullmatch(term) for term in terms):
        return None
    named = " ".join(term.upper() if term.upper() in operators else term for term in terms)
    return named if classify(named) != UNKNOWN or any(c.isdigit() for c in named) else None


# -- from a repository ----------------------------------------------------------------------------------------------


def is_licence_file(path: str) -> bool:
    """Whether a path is that of a licence text or a package file."""
    name = path.rpartition("/")[2]
    return name.lower() in _PACKAGE_NAMES or (
        _LICENCE_NAME.match(name) is not None and _NOT_TEXT.search(name) is None
    )


@dataclass
class LicenceMap:
    """The licences that hold for the folders of some repositories. Order of `add` does not count."""

    _texts: dict[str, dict[str, str]] = field(default_factory=dict)  # folder: file name: licence
    _packages: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, path: str, text: str) -> None:
        """Take note of a licence text or package file (`is_licence_file`)."""
        folder, _, name = path.rpartition("/")
        if name.lower() in _PACKAGE_NAMES:
            table, found = self._packages, licence_of_package(name, text)
        else:
            whole = text[:MAX_LICENCE_BYTES]
            tag = _SPDX_TAG.search(whole[:_HEAD_CHARS])
            named = _clean_expression(tag[1]) if tag is not None else None
            table = self._texts
            found = named or licence_of_text(whole) or licence_of_header(whole[:_HEAD_CHARS])
        if found is not None:
            table.setdefault(folder, {})[name] = found

    def find(self, path: str) -> str | None:
        """The licence of a file by the nearest folder above it: a text goes before what a package file declares."""
        for table in (self._texts, self._packages):
            folder = path.rpartition("/")[0]
            while True:
                if folder in table:
                    return _together(table[folder])
                if not folder:
                    break
                folder = folder.rpartition("/")[0]
        return None


def _together(listed: dict[str, str]) -> str:
    """Several texts in one folder: any of them may be chosen, but for the LGPL, which comes with the GPL's text."""
    names = sorted(set(listed.values()))
    lesser = [name for name in names if name.startswith("LGPL")]
    if lesser and all(name.startswith(("LGPL", "GPL")) for name in names):
        return lesser[-1]
    return " OR ".join(names)
