"""How comments and strings are written in each language: the table that the compiled scanner reads.

A language that is not in the table has strings in double quotes and no comments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gristmill.filter.code import _kernels as kernels


@dataclass(frozen=True)
class Syntax:
    """Markers of comments, and how strings are quoted."""

    line: tuple[str, ...] = ()
    block: tuple[str, str] | None = None
    flags: int = kernels.DOUBLE


_QUOTES = kernels.DOUBLE | kernels.SINGLE
_C = Syntax(("//",), ("/*", "*/"), _QUOTES)
_SCRIPT = Syntax(("//",), ("/*", "*/"), _QUOTES | kernels.BACKTICK)
_CHARACTER = kernels.DOUBLE | kernels.SINGLE | kernels.CHARACTER
_HASH = Syntax(("#",), None, _QUOTES)
_SHELL = Syntax(("#",), None, _QUOTES | kernels.AFTER_SPACE | kernels.MULTILINE)
_LISP = Syntax((";",), ("#|", "|#"), kernels.DOUBLE | kernels.MULTILINE)
_XML = Syntax((), ("<!--", "-->"), 0)
_NESTED = kernels.NESTED

_FAMILIES: dict[Syntax, str] = {
    _C: "C, C++, C#, Objective-C, Objective-C++, Java, Cuda, GLSL, HLSL, Protocol Buffer, Solidity, SystemVerilog, "
    "Verilog, Arduino, Vala, Processing, OpenCL, Metal, AspectJ, Haxe, ActionScript, Zig, Less, SCSS, Stan",
    _SCRIPT: "JavaScript, TypeScript, TSX, JSX, Go, Vue, Svelte",
    Syntax(("//",), ("/*", "*/"), _QUOTES | kernels.TRIPLE): "Dart, Groovy, Gradle",
    Syntax(("//",), ("/*", "*/"), _CHARACTER | kernels.TRIPLE | _NESTED): "Scala, Kotlin, Swift",
    Syntax(("//",), ("/*", "*/"), _CHARACTER | _NESTED | kernels.MULTILINE): "Rust",
    Syntax(("//",), ("/+", "+/"), _CHARACTER | kernels.BACKTICK): "D",
    Syntax(("//", "#"), ("/*", "*/"), _QUOTES | kernels.MULTILINE): "PHP, Hack",
    Syntax(("#", "//"), ("/*", "*/"), kernels.DOUBLE): "HCL, Thrift, Jsonnet",
    Syntax((), ("/*", "*/"), _QUOTES): "CSS",
    Syntax(("#",), None, _QUOTES | kernels.TRIPLE): "Python, Cython, Starlark, GDScript, Nim, Snakemake",
    Syntax(("#",), None, _CHARACTER | kernels.TRIPLE): "Elixir, Julia",
    _HASH: "R, Makefile, Dockerfile, CMake, TOML, INI, Nginx, AWK, GraphQL, Meson, Bitbake",
    Syntax(("#",), None, _QUOTES | kernels.AFTER_SPACE): "YAML",
    _SHELL: "Shell, Fish, Nix, Tcl",
    Syntax(("#",), ("<#", "#>"), _QUOTES): "PowerShell",
    Syntax(("#",), None, _QUOTES | kernels.POD | kernels.MULTILINE | kernels.AFTER_SPACE): "Perl, Raku",
    Syntax(("#",), None, _QUOTES | kernels.POD | kernels.AFTER_SPACE): "Ruby, Crystal",
    Syntax(("--",), ("/*", "*/"), _QUOTES | kernels.DOUBLED | kernels.MULTILINE): "SQL, PLSQL, PLpgSQL, TSQL",
    Syntax(("--",), ("--[[", "]]"), _QUOTES): "Lua",
    Syntax(("--",), ("{-", "-}"), _CHARACTER | _NESTED): "Haskell, Elm, PureScript, Idris, Agda, Dhall",
    Syntax(("--",), None, kernels.DOUBLE | kernels.DOUBLED): "Ada, VHDL, Eiffel",
    Syntax((), ("(*", "*)"), _CHARACTER | _NESTED): "OCaml, Standard ML, Coq, Mathematica, Isabelle",
    Syntax(("//",), ("(*", "*)"), _CHARACTER | kernels.TRIPLE): "F#",
    Syntax(("//",), ("{", "}"), kernels.SINGLE | kernels.DOUBLED): "Pascal",
    _LISP: "Common Lisp, Emacs Lisp, Scheme, Racket, Clojure, Fennel",
    Syntax((";", "#"), None, _QUOTES): "Assembly, NASM, Motorola 68K Assembly, Unix Assembly",
    Syntax((";;",), ("(;", ";)"), kernels.DOUBLE): "WebAssembly, LLVM",
    Syntax(("%",), None, _CHARACTER): "Erlang",
    Syntax(("%",), ("/*", "*/"), _QUOTES): "Prolog",
    Syntax(("%",), None, 0): "TeX, BibTeX",
    Syntax(("%", "#"), ("%{", "%}"), kernels.DOUBLE): "MATLAB, Octave",
    Syntax(("!",), None, _QUOTES | kernels.DOUBLED): "Fortran, Fortran Free Form",
    Syntax(("'",), None, kernels.DOUBLE | kernels.DOUBLED): "Visual Basic .NET, VBA, VBScript, BASIC",
    Syntax(("::", "rem "), None, kernels.DOUBLE | kernels.LINE_START): "Batchfile",
    Syntax(('"',), None, kernels.SINGLE | kernels.LINE_START): "Vim Script",
    _XML: "HTML, XML, XSLT, SVG, Markdown",
    Syntax(("*",), ("/*", "*/"), kernels.DOUBLE | kernels.LINE_START): "Stata, SAS",
}
UNKNOWN = 0  # row of the table for a language that is not in it


@cache
def syntax_table() -> tuple[npt.NDArray[np.int32], dict[str, int]]:
    """The rows for the scanner (int32, rows x N_FIELDS) and the row of each language."""
    known = [Syntax(), *_FAMILIES]
    rows = np.array([_fields(syntax) for syntax in known], np.int32)
    names = [[], *(listed.split(", ") for listed in _FAMILIES.values())]
    return rows, {name: number for number, group in enumerate(names) for name in group}


def _fields(syntax: Syntax) -> list[int]:
    markers = [*syntax.line, "", ""][:2] + list(syntax.block or ("", ""))
    return [code for marker in markers for code in [*map(ord, marker), 0, 0, 0, 0][:4]] + [syntax.flags]
