"""What people write behind a fence for a programming language; languages go by linguist's names, as in `meta`."""

from __future__ import annotations

# The languages of Arctic-SnowCoder (arXiv 2409.02326), in its order.
SNOWCODER_LANGUAGES = (
    "Python", "Java", "C++", "C", "JavaScript", "PHP", "C#", "Go", "TypeScript", "SQL", "Ruby", "Rust",
    "Jupyter Notebook", "Scala", "Kotlin", "Shell", "Dart", "Swift",
)  # fmt: skip

# Further tags than the name of the language in lower case, with and without its spaces.
_TAGS = {
    "Assembly": "asm nasm",
    "Batchfile": "bat cmd batch",
    "C": "h",
    "C#": "cs csharp c_sharp",
    "C++": "cpp cc cxx hpp cplusplus",
    "Clojure": "clj cljs",
    "Common Lisp": "lisp cl",
    "Cuda": "cu",
    "Elixir": "ex exs",
    "Emacs Lisp": "elisp el",
    "Erlang": "erl",
    "F#": "fs fsharp",
    "Fortran": "f90 f95",
    "Go": "golang",
    "Haskell": "hs",
    "HCL": "terraform tf",
    "JavaScript": "js jsx node mjs ecmascript",
    "Julia": "jl",
    "Jupyter Notebook": "python py python3 ipynb jupyter",
    "Kotlin": "kt kts",
    "Makefile": "make mk",
    "MATLAB": "octave",
    "Objective-C": "objc objectivec",
    "OCaml": "ml",
    "Pascal": "delphi pas",
    "Perl": "pl",
    "PHP": "php7 php8",
    "PowerShell": "ps1 pwsh",
    "Python": "py python3",
    "R": "rscript",
    "Ruby": "rb",
    "Rust": "rs",
    "Scheme": "scm",
    "Shell": "bash sh zsh ksh shellscript",
    "Solidity": "sol",
    "SQL": "mysql postgresql postgres psql plpgsql pgsql sqlite tsql plsql",
    "Swift": "swift5",
    "TypeScript": "ts tsx",
    "Verilog": "v",
    "Visual Basic .NET": "vb vbnet",
    "YAML": "yml",
}
_NEUTRAL = frozenset(
    {"", "text", "txt", "plaintext", "plain", "code", "none"}
)  # say nothing about the language


def is_python(language: str | None) -> bool:
    """Whether files of this language are read as Python: its own, and notebooks, which are nearly all of Python."""
    return language in ("Python", "Jupyter Notebook")


def spelling_of(language: str) -> str:
    """The name as linguist writes it, where only letter case differs from a name known here; else as it is."""
    names = {name.lower(): name for name in (*SNOWCODER_LANGUAGES, *_TAGS)}
    return names.get(language.lower(), language)


def shown_name(language: str) -> str:
    """The name by which a model is asked for a file: a notebook becomes a program."""
    return "Python" if is_python(language) else language


def tag_agrees(tag: str, language: str) -> bool:
    """Whether the word behind a fence names the language, or none."""
    name = language.lower()
    known = {name, name.replace(" ", ""), name.replace(" ", "-"), *_TAGS.get(language, "").split()}
    return tag.lower() in known | _NEUTRAL
