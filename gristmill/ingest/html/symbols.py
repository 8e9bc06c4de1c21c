"""Unicode characters of formulas as LaTeX commands; the names are those of LaTeX and amssymb."""

from __future__ import annotations

import unicodedata

_GREEK = (
    "α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa λ lambda "
    "μ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ psi ω "
    "omega "
    "Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega µ mu ℧ mho ϰ varkappa Ϝ "
    "digamma "
    "ϝ digamma Ω Omega ∆ Delta"
)
_OPERATORS = (
    "∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint ⋃ bigcup ⋂ bigcap ⋁ bigvee ⋀ bigwedge ⨁ bigoplus ⨂ bigotimes "
    "⨀ bigodot ⨄ biguplus ⨆ bigsqcup"
)
_RELATIONS = (
    "± pm ∓ mp × times ÷ div ⋅ cdot · cdot ∗ ast ⋆ star ∘ circ ∙ bullet • bullet ⊕ oplus ⊖ ominus ⊗ otimes ⊘ oslash "
    "⊙ odot ∩ cap ∪ cup ⊎ uplus ⊓ sqcap ⊔ sqcup ∨ vee ∧ wedge ∖ setminus ≀ wr ⨿ amalg † dagger ‡ ddagger ⋄ diamond "
    "≤ leq ≥ geq ⩽ leqslant ⩾ geqslant ≦ leqq ≧ geqq ≪ ll ≫ gg ≺ prec ≻ succ ⪯ preceq ⪰ succeq ≼ preccurlyeq "
    "≽ succcurlyeq ≠ neq ≡ equiv ≢ not\\equiv ∼ sim ≃ simeq ≈ approx ≅ cong ≐ doteq ∝ propto ∣ mid ∤ nmid ∥ parallel "
    "∦ nparallel ⊥ perp ⟂ perp ∈ in ∉ notin ∋ ni ⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ⊊ subsetneq ⊋ supsetneq "
    "⊄ not\\subset ⊏ sqsubset ⊐ sqsupset ⊑ sqsubseteq ⊒ sqsupseteq ⊢ vdash ⊣ dashv ⊨ models ≍ asymp ⋈ bowtie "
    "≲ lesssim ≳ gtrsim ≜ triangleq ≔ coloneqq ∶ colon ⊲ triangleleft ⊳ triangleright ⊴ trianglelefteq "
    "⊵ trianglerighteq ≮ nless ≯ ngtr ≰ nleq ≱ ngeq ≁ nsim ≇ ncong"
)
_ARROWS = (
    "← leftarrow → rightarrow ↑ uparrow ↓ downarrow ↔ leftrightarrow ↕ updownarrow ⇐ Leftarrow ⇒ Rightarrow ⇑ "
    "Uparrow "
    "⇓ Downarrow ⇔ Leftrightarrow ↦ mapsto ⟼ longmapsto ⟵ longleftarrow ⟶ longrightarrow ⟷ longleftrightarrow "
    "⟸ Longleftarrow ⟹ Longrightarrow ⟺ Longleftrightarrow ↪ hookrightarrow ↩ hookleftarrow ⇀ rightharpoonup "
    "⇁ rightharpoondown ↼ leftharpoonup ↽ leftharpoondown ⇌ rightleftharpoons ↠ twoheadrightarrow ↗ nearrow ↘ "
    "searrow "
    "↙ swarrow ↖ nwarrow ⇝ rightsquigarrow ↝ leadsto"
)
_OTHERS = (
    "∞ infty ∂ partial ∇ nabla ∀ forall ∃ exists ∄ nexists ∅ emptyset ⌀ varnothing ¬ neg ∠ angle ∡ measuredangle "
    "△ triangle □ square ℵ aleph ℶ beth ℏ hbar ℓ ell ℘ wp ℜ Re ℑ Im ⊤ top ∴ therefore ∵ because … ldots ⋯ cdots ⋮ "
    "vdots "
    "⋱ ddots ′ prime ″ prime\\prime ‴ prime\\prime\\prime √ surd ° circ ⌈ lceil ⌉ rceil ⌊ lfloor ⌋ rfloor ⟨ langle "
    "⟩ rangle 〈 langle 〉 rangle ‖ | ∥ parallel ♠ spadesuit ♡ heartsuit ♢ diamondsuit ♣ clubsuit ♭ flat ♮ natural "
    "♯ sharp ◊ lozenge ■ blacksquare ∎ blacksquare ı imath ȷ jmath ð eth"
)
_SPACES = {
    "\u00a0": "~", "\u2002": "\\enspace ", "\u2003": "\\quad ", "\u2004": "\\;", "\u2005": "\\:", "\u2006": "\\,",
    "\u2009": "\\,", "\u200a": "\\,", "\u202f": "\\,", "\u205f": "\\:",
}  # fmt: skip
# Characters of MathML that are never drawn: function application, invisible times, separators, joiners.
_INVISIBLE = dict.fromkeys(
    "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe00\ufe0e\ufe0f", ""
)
_PUNCTUATION = {
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2215": "/", "\u2044": "/",
    "\u2217": "*",
    "\u2223": "\\mid ", "\u02b9": "'", "\u2032": "'", "\u2033": "''", "\u2034": "'''", "\u2019": "'", "\u2018": "`",
    "#": "\\#", "%": "\\%", "&": "\\&", "$": "\\$", "{": "\\{", "}": "\\}", "\\": "\\backslash ", "_": "\\_",
    "^": "\\hat{}",
    "~": "\\sim ", "\u2016": "\\|", "\u00b0": "^{\\circ}", "\u2225": "\\parallel ", "\u2254": ":=",
}  # fmt: skip


def _commands(*tables: str) -> dict[str, str]:
    words = " ".join(tables).split()
    return {char: f"\\{name} " for char, name in zip(words[::2], words[1::2], strict=True)}


COMMANDS: dict[str, str] = {
    **_commands(_GREEK, _OPERATORS, _RELATIONS, _ARROWS, _OTHERS), **_SPACES, **_INVISIBLE, **_PUNCTUATION,
}  # fmt: skip
FUNCTIONS = frozenset([
    "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det", "dim", "exp",
    "gcd", "hom", "inf", "ker", "lg", "lim", "liminf", "limsup", "ln", "log", "max", "min", "Pr", "sec",
    "sin", "sinh", "sup", "tan", "tanh",
])  # fmt: skip
ACCENTS = {
    "¯": "bar", "‾": "overline", "―": "overline", "_": "underline", "^": "hat", "ˆ": "hat", "~": "tilde",
    "˜": "tilde",
    "→": "vec", "⃗": "vec", "˙": "dot", ".": "dot", "¨": "ddot", "⃛": "dddot", "⏞": "overbrace", "⏟": "underbrace",
    "ˇ": "check", "˘": "breve", "´": "acute", "`": "grave", "←": "overleftarrow", "︷": "overbrace", "︸": "underbrace",
    "∼": "tilde", "̂": "hat", "̃": "tilde", "̄": "bar", "̅": "overline", "̇": "dot", "̈": "ddot", "⌢": "frown",
    "-": "bar", "\u2212": "bar", "̲": "underline", "⏜": "overparen",
}  # fmt: skip
# What the name of a mathematical alphanumeric character says, and the command for it; longest first.
_ALPHABETS = (
    ("BOLD SCRIPT", "\\mathbfcal"), ("BOLD FRAKTUR", "\\mathfrak"), ("DOUBLE-STRUCK", "\\mathbb"), ("SCRIPT",
    "\\mathcal"),
    ("FRAKTUR", "\\mathfrak"), ("BLACK-LETTER", "\\mathfrak"), ("SANS-SERIF BOLD", "\\mathsf"), ("SANS-SERIF",
    "\\mathsf"),
    ("MONOSPACE", "\\mathtt"), ("BOLD ITALIC", "\\boldsymbol"), ("BOLD", "\\mathbf"), ("ITALIC", ""),
)  # fmt: skip
_LETTERLIKE = frozenset("ℂℍℕℙℚℝℤℬℰℱℋℐℒℳℛℊℯℴℭℌℑℜℨℎ")


def tex_of(text: str) -> str:
    """The characters of a leaf as TeX; characters without a command stay as they are."""
    return "".join(_tex_of_char(char) for char in text)


def _tex_of_char(char: str) -> str:
    known = COMMANDS.get(char)
    if known is not None:
        return known
    if char < "\u0100":
        return char
    if "\U0001d400" <= char <= "\U0001d7ff" or char in _LETTERLIKE:
        return _tex_of_styled(char)
    return char


def _tex_of_styled(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char)
    inner = COMMANDS.get(plain, plain).strip()
    name = unicodedata.name(char, "")
    command = next((command for word, command in _ALPHABETS if word in name), "")
    command = "\\boldsymbol{\\mathcal" if command == "\\mathbfcal" else command
    if not command:
        return inner + (" " if inner.startswith("\\") else "")
    return f"{command}{{{inner}}}" + ("}" if "{" in command else "")
