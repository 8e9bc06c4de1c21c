"""Licences of source code."""

from __future__ import annotations

import time

import pytest

from gristmill.ingest.code.licences import (
    LicenceMap,
    classify,
    is_licence_file,
    licence_of_header,
    licence_of_package,
    licence_of_source,
    licence_of_text,
)

# The text that everyone may copy, with another name at its top.
ISC = """Copyright (c) 2024, The Miller

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
"""


def test_a_text_is_recognised_however_it_is_wrapped_and_named() -> None:
    assert licence_of_text(ISC) == "ISC"
    assert licence_of_text("Mill licence\n\n" + " ".join(ISC.upper().split())) == "ISC"
    assert licence_of_text("All mills are mine. " * 50) is None
    assert licence_of_text("") is None


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("# SPDX-License-Identifier: Apache-2.0\n", "Apache-2.0"),
        ("/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */", "GPL-2.0-only OR MIT"),
        ("// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note\n", "GPL-2.0 WITH Linux-syscall-note"),
        ("# Licensed under the Apache License, Version 2.0\n", "Apache-2.0"),
        (
            "/*\n * under the terms of the GNU General Public License as published by\n * the FSF; either version 2\n"
            " * of the License, or (at your option) any later version.\n */",
            "GPL-2.0-or-later",
        ),
        ("# GNU Lesser General Public License, version 2.1\n", "LGPL-2.1"),
        ("// GNU Affero General Public License version 3\n", "AGPL-3.0"),
        ("-- License: GPLv3+\n", "GPL-3.0-or-later"),
        ("# Distributed under the MIT License.\n", "MIT"),
        ("// Use is governed by a BSD-style license, see LICENSE.\n", "BSD-3-Clause"),
        ("/* This Source Code Form is subject to the Mozilla Public License, v. 2.0 license */", "MPL-2.0"),
        ("license = input('which?')\n", None),
        ("x = 1\n" * 2_000 + "# SPDX-License-Identifier: MIT\n", None),
        ("# SPDX-License-Identifier: whatever the miller likes\n", None),
    ],
)
def test_a_file_says_what_it_is_licensed_under(text: str, licence: str | None) -> None:
    assert licence_of_source(text) == licence


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"license": {"type": "(MIT OR GPL-3.0)"}}', "MIT OR GPL-3.0"),
        ("package.json", '{"license": "SEE LICENSE IN x"}', None),
        ("package.json", "[" * 100_000, None),
        ("package.json", "[1]", None),
        ("Cargo.toml", '[package]\nlicense = "MIT OR Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("Cargo.toml", "license = [", None),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD License"}\n', "BSD-3-Clause"),
        (
            "pyproject.toml",
            '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]\n',
            "MIT",
        ),
        ("pyproject.toml", '[tool.poetry]\nlicense = "Apache-2.0"\n', "Apache-2.0"),
        ("setup.cfg", "[metadata]\nlicense = GPLv2+\n", "GPL-2.0-or-later"),
        ("setup.cfg", "no section", None),
    ],
)
def test_package_files_declare_a_licence(name: str, text: str, licence: str | None) -> None:
    assert licence_of_package(name, text) == licence


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", "permissive"),
        ("LGPL-2.1-or-later", "weak_copyleft"),
        ("AGPL-3.0", "copyleft"),
        ("MIT OR GPL-3.0", "permissive"),
        ("(MIT AND GPL-3.0)", "copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("Mill-1.0", "unknown"),
        ("MIT AND Mill-1.0", "unknown"),
        (None, "unknown"),
    ],
)
def test_licences_have_classes(expression: str | None, expected: str) -> None:
    assert classify(expression) == expected


def test_licence_files_are_told_by_name() -> None:
    yes = ["LICENSE", "a/LICENCE.md", "COPYING.LESSER", "LICENSE-MIT", "UNLICENSE", "b/Cargo.toml"]
    no = ["license.py", "licensing.md", "src/licence_map.rs", "setup.py", "README"]
    assert [name for name in yes + no if is_licence_file(name)] == yes


def test_two_texts_in_a_folder_are_a_choice_but_the_lesser_one_comes_with_the_other() -> None:
    both = LicenceMap()
    both.add("mill/LICENSE-APACHE", "Licensed under the Apache License, Version 2.0")
    both.add("mill/LICENSE-MIT", "The MIT License")
    assert both.find("mill/src/a.rs") == "Apache-2.0 OR MIT"
    lesser = LicenceMap()
    lesser.add("COPYING", "GNU GENERAL PUBLIC LICENSE Version 3")
    lesser.add("COPYING.LESSER", "GNU LESSER GENERAL PUBLIC LICENSE Version 3")
    assert lesser.find("a.c") == "LGPL-3.0"
    assert lesser.find("deep/er/a.c") == "LGPL-3.0"


@pytest.mark.parametrize(
    "piece", ["GNU ", "GNU General Public License ", "license Apache ", "version 2 or ", "// * # "]
)
def test_hostile_notices_take_linear_time(piece: str) -> None:
    started = time.process_time()
    licence_of_header(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 3
