"""Make gristmill/ingest/code/licence_fingerprints.txt from standard licence texts.

    python scripts/licence_fingerprints.py FOLDER

FOLDER is `licenses` of the npm package spdx-license-list: one file NAME.json per SPDX identifier, with the text as
`licenseText`. Only the licences of NAMES are taken. The table holds hashes, no text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gristmill.ingest.code.licences import text_grams

NAMES = (
    "0BSD", "AFL-3.0", "AGPL-3.0", "Apache-1.1", "Apache-2.0", "Artistic-1.0", "Artistic-2.0",
    "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "BSL-1.0", "BlueOak-1.0.0",
    "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CDDL-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.2", "GFDL-1.3",
    "GPL-1.0", "GPL-2.0", "GPL-3.0", "ISC", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0", "MIT", "MIT-0",
    "MPL-1.1", "MPL-2.0", "MS-PL", "MulanPSL-2.0", "NCSA", "OFL-1.1", "OSL-3.0", "PSF-2.0",
    "PostgreSQL", "Python-2.0", "UPL-1.0", "Unlicense", "WTFPL", "Zlib",
)  # fmt: skip
HASHES = 150  # kept of each licence, about; all of a short one
TARGET = Path(__file__).parent.parent / "gristmill" / "ingest" / "code" / "licence_fingerprints.txt"
HEAD = "# name, modulus, hashes of runs of three words that it divides; made by scripts/licence_fingerprints.py\n"


def main(folder: Path) -> None:
    """Write the table."""
    lines = []
    for name in NAMES:
        grams = text_grams(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["licenseText"])
        modulus = max(1, len(grams) // HASHES)
        kept = sorted(gram for gram in grams if gram % modulus == 0)
        lines.append(f"{name} {modulus} {' '.join(f'{gram:08x}' for gram in kept)}\n")
    TARGET.write_text(HEAD + "".join(lines), encoding="ascii")
    print(f"{len(lines)} licences, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
