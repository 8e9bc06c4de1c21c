"""The programming language of a file: by its name, its extension, the interpreter in its first line, or its content.

Names are those of linguist (github-linguist/linguist). An extension that several languages share is settled by simple
signs in the first HEAD_CHARS characters; SQL is one language here, whatever its dialect.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

HEAD_CHARS = 16_000  # of a file that are looked at

_BY_LANGUAGE = {
    "Ada": "adb ads ada",
    "Agda": "agda",
    "ActionScript": "as",
    "Apex": "apex trigger",
    "Assembly": "asm nasm s",
    "AWK": "awk gawk",
    "Batchfile": "bat cmd",
    "BibTeX": "bib",
    "C": "c",
    "C#": "cs csx",
    "C++": "cpp cc cxx c++ hpp hh hxx h++ ipp tpp tcc inl ino",
    "Clojure": "clj cljs cljc edn",
    "CMake": "cmake",
    "COBOL": "cob cbl cpy",
    "CoffeeScript": "coffee",
    "Common Lisp": "lisp lsp asd",
    "Crystal": "cr",
    "CSS": "css",
    "Cuda": "cu cuh",
    "Cython": "pyx pxd pxi",
    "D": "d di",
    "Dart": "dart",
    "Dhall": "dhall",
    "Dockerfile": "dockerfile",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Emacs Lisp": "el",
    "Erlang": "erl hrl",
    "F#": "fsi fsx",
    "Fish": "fish",
    "Fortran": "f90 f95 f03 f08 f77 for ftn",
    "GDScript": "gd",
    "GLSL": "glsl vert frag geom comp",
    "Go": "go",
    "GraphQL": "graphql gql",
    "Groovy": "groovy gvy gradle",
    "Hack": "hack hhi",
    "Haskell": "hs lhs hsc",
    "Haxe": "hx",
    "HCL": "hcl tf tfvars",
    "HLSL": "hlsl fx fxh",
    "HTML": "html htm xhtml",
    "Idris": "idr",
    "INI": "ini cfg",
    "Java": "java",
    "JavaScript": "js mjs cjs jsx es6",
    "JSON": "json jsonl geojson webmanifest",
    "Julia": "jl",
    "Jupyter Notebook": "ipynb",
    "Kotlin": "kt kts",
    "Lean": "lean",
    "Less": "less",
    "Lua": "lua",
    "Makefile": "mk mak",
    "Markdown": "md markdown mkd",
    "Mathematica": "wl nb mathematica",
    "Meson": "meson",
    "Nim": "nim nims",
    "Nix": "nix",
    "Objective-C++": "mm",
    "OCaml": "ml mli mll mly",
    "OpenSCAD": "scad",
    "Pascal": "pas dpr lpr",
    "Perl": "pm t psgi",
    "PHP": "php phtml php5 php7",
    "PowerShell": "ps1 psm1 psd1",
    "Protocol Buffer": "proto",
    "PureScript": "purs",
    "Python": "py pyw pyi bzl gyp",
    "Racket": "rkt",
    "reStructuredText": "rst",
    "RMarkdown": "rmd",
    "Ruby": "rb rake gemspec ru podspec",
    "Rust": "rs",
    "Sass": "sass",
    "Scala": "scala sbt sc",
    "Scheme": "scm ss sld",
    "SCSS": "scss",
    "Shell": "sh bash zsh ksh bats",
    "Smalltalk": "st",
    "Solidity": "sol",
    "SQL": "sql ddl plsql pgsql",
    "Standard ML": "sml sig fun",
    "Stata": "do ado",
    "Svelte": "svelte",
    "Swift": "swift",
    "SystemVerilog": "sv svh",
    "Tcl": "tcl tk",
    "TeX": "tex sty ltx",
    "Text": "txt",
    "Thrift": "thrift",
    "TOML": "toml",
    "TypeScript": "mts cts tsx",
    "Vala": "vala vapi",
    "VHDL": "vhd vhdl",
    "Vim Script": "vim",
    "Visual Basic .NET": "vb",
    "VBScript": "vbs",
    "Vue": "vue",
    "WebAssembly": "wat wast",
    "XML": "xml xsd rng wsdl",
    "XSLT": "xsl xslt",
    "YAML": "yaml yml",
    "Zig": "zig",
}
EXTENSIONS: dict[str, str] = {
    extension: language for language, listed in _BY_LANGUAGE.items() for extension in listed.split()
}
FILE_NAMES: dict[str, str] = {
    "dockerfile": "Dockerfile",
    "containerfile": "Dockerfile",
    "makefile": "Makefile",
    "gnumakefile": "Makefile",
    "cmakelists.txt": "CMake",
    "meson.build": "Meson",
    "jenkinsfile": "Groovy",
    "rakefile": "Ruby",
    "gemfile": "Ruby",
    "podfile": "Ruby",
    "vagrantfile": "Ruby",
    "sconstruct": "Python",
    "sconscript": "Python",
    "build.bazel": "Python",
    "pipfile": "TOML",
    "cargo.lock": "TOML",
    ".bashrc": "Shell",
    ".bash_profile": "Shell",
    ".profile": "Shell",
    ".zshrc": "Shell",
    "pkgbuild": "Shell",
    ".vimrc": "Vim Script",
    ".emacs": "Emacs Lisp",
}
INTERPRETERS: dict[str, str] = {
    "python": "Python",
    "pypy": "Python",
    "sh": "Shell",
    "bash": "Shell",
    "dash": "Shell",
    "ksh": "Shell",
    "zsh": "Shell",
    "fish": "Fish",
    "node": "JavaScript",
    "nodejs": "JavaScript",
    "deno": "TypeScript",
    "ts-node": "TypeScript",
    "perl": "Perl",
    "ruby": "Ruby",
    "php": "PHP",
    "lua": "Lua",
    "luajit": "Lua",
    "rscript": "R",
    "julia": "Julia",
    "tclsh": "Tcl",
    "wish": "Tcl",
    "awk": "AWK",
    "gawk": "AWK",
    "groovy": "Groovy",
    "scala": "Scala",
    "kotlin": "Kotlin",
    "swift": "Swift",
    "elixir": "Elixir",
    "escript": "Erlang",
    "runhaskell": "Haskell",
    "ocaml": "OCaml",
    "guile": "Scheme",
    "racket": "Racket",
    "make": "Makefile",
    "pwsh": "PowerShell",
    "osascript": "AppleScript",
}
# Extensions of several languages: signs in the order in which they are looked for, and the language without any.
_SHARED: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "h": (
        (
            ("Objective-C", r"^\s*(?:@interface|@protocol|@property|@class|@end|#import)\b"),
            (
                "C++",
                r"^\s*(?:class\s+\w|namespace\b|template\s*<|using\s+\w|(?:public|private|protected)\s*:)"
                r"|\bstd::|^\s*#\s*include\s*<(?:string|vector|map|memory|iostream|algorithm|cstdint)>",
            ),
        ),
        "C",
    ),
    "m": (
        (
            (
                "Objective-C",
                r"^\s*(?:@interface|@implementation|@protocol|@import|@end|#import)\b|\[\w+ \w+\]",
            ),
            ("Mathematica", r"\(\*|^\s*(?:BeginPackage|Begin)\["),
            ("MATLAB", r"^\s*(?:%|function\b|classdef\b|end\b)"),
        ),
        "MATLAB",
    ),
    "pl": (
        (
            ("Perl", r"^\s*(?:use\s+(?:strict|warnings|\w+)|package\s+\w|sub\s+\w|my\s+[$@%(])"),
            ("Prolog", r"^[^#%\n]{0,200}:-|^:-"),
        ),
        "Perl",
    ),
    "r": ((("Rebol", r"^\s*REBOL\b"),), "R"),
    "ts": ((("XML", r"\A\s*<(?:\?xml|!DOCTYPE TS|TS\b)"),), "TypeScript"),
    "v": (
        (
            ("Coq", r"^\s*(?:Require|Theorem|Lemma|Proof|Definition|Inductive|Fixpoint)\b"),
            ("Verilog", r"^\s*(?:module|endmodule|`timescale|`include|`define)\b"),
        ),
        "Verilog",
    ),
    "fs": (
        (
            ("GLSL", r"^\s*(?:#version|uniform|varying|precision)\b|\bgl_\w+"),
            ("Forth", r"^: \S+|^\\ "),
        ),
        "F#",
    ),
    "f": ((("Forth", r"^: \S+ .*;\s*$"),), "Fortran"),
    "cls": (
        (
            ("TeX", r"^\s*\\(?:NeedsTeXFormat|ProvidesClass)\b"),
            ("Visual Basic .NET", r"^(?:VERSION \d|Attribute VB_)"),
        ),
        "Apex",
    ),
    "cl": ((("Common Lisp", r"^\s*\((?:def|in-package|let|setq)"),), "OpenCL"),
    "pro": ((("Prolog", r":-"), ("QMake", r"^\s*(?:QT|TARGET|SOURCES|TEMPLATE|CONFIG)\s*[+*-]?=")), "IDL"),
    "inc": ((("PHP", r"<\?(?:php|=)"), ("Pascal", r"^\s*(?:procedure|function|const)\b.*;\s*$")), "C++"),
}
_SIGNS = {
    extension: (tuple((language, re.compile(sign, re.MULTILINE)) for language, sign in signs), otherwise)
    for extension, (signs, otherwise) in _SHARED.items()
}
_SHEBANG = re.compile(r"\A#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(?:\S*/)?([A-Za-z][\w-]*)")
_HACK = re.compile(r"\A(?:#!.*\n)?\s*<\?hh\b")


def known_languages() -> frozenset[str]:
    """Every name that `identify_language` can give."""
    shared = {language for signs, otherwise in _SHARED.values() for language in (*dict(signs), otherwise)}
    return frozenset({*EXTENSIONS.values(), *FILE_NAMES.values(), *INTERPRETERS.values(), *shared})


def extension_of(name: str) -> str:
    """The extension of a file's name, without dot and in lower case; empty where it has none."""
    return PurePosixPath(name).suffix.lower().removeprefix(".")


def may_be_code(name: str, more: dict[str, str]) -> bool:
    """Whether the name alone can tell the language, or whether the first line may."""
    base, extension = PurePosixPath(name).name.lower(), extension_of(name)
    return (
        extension in more
        or extension in _SIGNS
        or extension in EXTENSIONS
        or not extension
        or base in FILE_NAMES
        or base.split(".")[0] in ("dockerfile", "makefile")
    )


def identify_language(name: str, text: str, more: dict[str, str] | None = None) -> str | None:
    """The language of a file, or None; `more` maps extensions to languages, before all that is known here."""
    base, extension = PurePosixPath(name).name.lower(), extension_of(name)
    head = text[:HEAD_CHARS]
    if more and extension in more:
        return more[extension]
    if base in FILE_NAMES:
        return FILE_NAMES[base]
    if base.split(".")[0] in ("dockerfile", "makefile") and extension not in EXTENSIONS:
        return FILE_NAMES[base.split(".")[0]]
    if extension in _SIGNS:
        signs, otherwise = _SIGNS[extension]
        return next((language for language, sign in signs if sign.search(head)), otherwise)
    if extension == "php" and _HACK.match(head):
        return "Hack"
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    found = None if extension else _SHEBANG.match(head)
    return INTERPRETERS.get(found[1].lower().rstrip("0123456789.")) if found else None
