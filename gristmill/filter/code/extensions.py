"""StarCoder's bounds by file extension.

Source: bigcode-project/bigcode-dataset, preprocessing/visual_inspection.csv, columns Include, Long_line_threshold,
Alphanum_threshold and Alpha filter. There a row is a language and an extension; here it is the extension alone, since
no extension has two different bounds. An extension in none of the tables is dropped, as are those that the table
leaves out (`bison`, `f77`, `rktd`, `toc`, ...).
"""

from __future__ import annotations

import polars as pl

# The usual bounds: 1000 characters in a line, 0.25 letters and digits. Empty: files without an extension
# (Dockerfile, Makefile).
_USUAL = """
1 3 _coffee a51 ada adb adp agda als applescript asd auk awk bash bat bats boot builder bzl c c++
cake cc cjsx clj cljc cljs cljx cmd coffee command cp cpp cql cs csh cshtml cson css ctp cu
cuh cxx dart db2 ddl dfm dockerfile doh el eliom eliomi elm emacs erl es6 escript ex exs f f03 f08
f90 f95 for fpp frag fs fshader fsi fsx fun g4 gawk gemspec geom glsl glslv go groovy gtpl gvy gyp h
h++ hh hlean hpp hrl hs hsc htm html hxx iced idr inl ipp java jbuilder jl js jsm jsp ksh kt kts
lagda lean lhs lidr lisp litcoffee lpr lsp lua mak mata matah mathematica mawk mk ml ml4 mli mll mly
mt mustache nasm nawk nse ny pac pas perl php phpt pkb pks pl plb plsql pm podspec prolog proto ps1
psd1 psgi psm1 py pyde pyw rabl rake rb rbw rd rq rs rsx ru ruby sbt scala scpt scrbl sh shader sjs
sml sol sparql st stan svh t tcc tcl tcsh thor thrift thy tm tmux tool tpp ts tsx txt udf vb vba
vbhtml vbs veo vert vh vhdl vhi vho vhw vsh vshader wlua xht xhtml xsjslib xsl xslt yacc yap yrl zig
zsh
"""
USUAL_LINE_CHARS, USUAL_ALNUM = 1000, 0.25
# (longest line, letters and digits, letters) of the others; None is no bound.
_OTHERS: dict[tuple[int | None, float | None, float | None], str] = {
    (1000, 0.25, 0.25): "ads aug fp mpl wl scm sld sps prc sv vhd bas y",
    (
        None,
        0.25,
        None,
    ): "asm bsv cmake markdown md mkd mkdn ron r rst rmd sql ado do bbx bib cbx dtx ins lbx mkii mkiv "
    "mkvi sty tex",
    (500, 0.25, None): "fsh",
    (None, None, 0.25): "ma nb",
    (None, 0.25, 0.25): "matlab",
    (1000, None, None): "sas",
    (None, None, None): "frm",
    (None, 0.25, 0.5): "json",
    (1000, 0.25, 0.5): "yaml yml",
}


def extension_bounds() -> pl.DataFrame:
    """One row per extension that is kept: extension, line_chars, alnum, alpha; null where there is no bound."""
    usual = ["", *_USUAL.split()]
    rows: list[tuple[str, int | None, float | None, float | None]]
    rows = [(name, USUAL_LINE_CHARS, USUAL_ALNUM, None) for name in usual]
    rows += [(name, *bounds) for bounds, names in _OTHERS.items() for name in names.split()]
    schema = {"extension": pl.String, "line_chars": pl.Int64, "alnum": pl.Float64, "alpha": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
