"""What must not be in a rephrasing: refusals, chat marks, pieces of the prompt, Markdown.

All searches ask whether the passage has the same words, so a text that quotes a refusal may be rephrased.
Phrases are in English, German, French and Spanish, the languages that instruction models answer in unasked.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gristmill.rephrase.sentences import sentence_spans
from gristmill.rephrase.statements.content import stem

# "I cannot" alone is also what people say in stories: it must open the text, or be about helping or writing.
_HELP = (
    "help|assist|provide|rewrite|rephrase|paraphrase|fulfill?|comply|complete|generate|create|answer|discuss|"
    "do that|do this|engage|produce|offer"
)
_REFUSALS = re.compile(
    "|".join(
        (
            r"\bas an? (?:ai|large language model|language model|assistant)\b",
            r"\bi(?:'m| am) (?:just )?an? (?:ai|language model|assistant)\b",
            r"\bi(?:'m| am) (?:very |really )?sorry,? (?:but|i)\b",
            rf"\bi (?:can(?:no|')t|can not|won't|will not|must decline to)(?: \w+){{0,3}}? (?:{_HELP})",
            rf"\bi(?:'m| am) (?:not able|unable|not comfortable|not allowed)(?: \w+){{0,3}}? (?:{_HELP})",
            r"\bi (?:must|have to) (?:respectfully )?(?:decline|refuse)\b",
            r"\b(?:can(?:no|')t|can not|may not|will not) be (?:rewritten|rephrased|paraphrased|reworded|fulfilled"
            r"|summari[sz]ed)\b",
            r"\b(?:exceeds?|beyond|outside) (?:of )?what (?:can|may|could) be (?:offered|provided|done|written)\b",
            r"\b(?:this|the|your|such an?) request (?:can(?:no|')t|violates|is (?:declined|refused|denied))",
            r"\b(?:could|can|would) you please (?:share|provide|give|send|paste|clarify)\b",
            r"\bplease (?:provide|share|paste|send) (?:me )?(?:with )?(?:the|a|your|more)\b",
            r"\bnot (?:contain|provide|include|have) enough (?:context|information|detail)",
            r"\bals (?:ki|künstliche intelligenz|sprachmodell)\b|\b(?:es )?tut mir (?:\w+ )?leid\b",
            r"\b(?:kann|darf) ich (?:\w+ ){0,2}(?:keine auskunft|nichts sagen)",
            r"\b(?:kann|darf) ich (?:\w+ ){0,2}nicht (?:helfen|beantworten|umschreiben)",
            r"\bich kann (?:\w+ ){0,4}(?:nicht|keine?n?) (?:\w+ ){0,3}"
            r"(?:helfen|umschreiben|umformulieren|beantworten|geben)",
            r"\ben tant qu(?:'ia|e mod|'assist|'intell)|\bje (?:suis )?désolée?\b|\bje regrette, mais\b",
            r"\bje ne (?:peux|puis|suis) (?:\w+ ){0,4}"
            r"(?:aider|reformuler|réécrire|répondre|fournir|paraphraser|en mesure)",
            r"\blo siento, (?:pero|no)\b",
            r"\bno puedo (?:\w+ ){0,2}(?:ayudar|reescribir|proporcionar|responder)",
            r"\bcomo (?:modelo de lenguaje|inteligencia artificial)\b",
        )
    )
)
_OPENING_REFUSAL = re.compile(
    r"i can(?:no|')t\b|i can not\b|i(?:'m| am) (?:unable|not able)\b|unfortunately, i\b"
)

_CHAT_MARKS = re.compile(
    r"<\|[A-Za-z_0-9▁|]{2,40}\|>|<｜[^｜]{2,40}｜>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>"
    r"|<(?:bos|eos|pad|unk)>|</?passage(?:-\d+)?>"
)
_HEADINGS = re.compile(
    r"^[#* \t]*(?:(?:input|source|original|given)?[ \t]*(?:passage|paragraph|text)|instructions?|response"
    r"|output|conversation|task|system|user|assistant|human|rewritten (?:text|passage)"
    r"|paraphrased? (?:text|passage|version)?)[* \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_INSTRUCTIONS = re.compile(
    r"\b(?:do not|don't) (?:add|invent|include)\b[^.!?\n]{0,60}"
    r"\b(?:passage|source text|original text|given text|explanations)\b"
    r"|\bkeep (?:all|every)(?: the)? (?:numbers?|names?|dates?|facts?)\b"
    r"|\b(?:rewrite|rephrase|paraphrase|summari[sz]e|convert|turn|retell|translate) (?:the|this) "
    r"(?:following |above |given )?(?:passage|paragraph|text)\b"
    r"|\b(?:for|from|of) the (?:following|above|given) (?:passage|paragraph|text)\b"
    r"|\bgive me (?:an? |the )?(?:\w+ ){0,3}(?:paraphrase|rephrasing|summary|version)\b"
    r"|\b(?:folgenden|obigen) (?:text|absatz|textabschnitt)\b[^.!?\n]{0,40}"
    r"\b(?:um|zusammen|umformulieren|umschreiben|zusammenfassen)\b"
    r"|\b(?:reformule|réécri|paraphrase|résume)\w* (?:le |ce |la )(?:texte|paragraphe|passage)\b"
    r"|\bwrite (?:the|this) (?:text|passage|paragraph) so that\b"
    r"|\b(?:reply|answer|respond) with (?:only )?the (?:rewritten|rephrased)\b"
    r"|\byou are an? (?:helpful |ai )*(?:assistant|language model|rewriter)\b",
    re.IGNORECASE,
)
# A sentence that speaks in the words of prompts, whichever they are: how to begin one, and what they speak of.
_TELLS_TO = re.compile(
    r"[#*\-\s\"']*(?:please|you|your|use|write|keep|make|rewrite|rephrase|reword|retell|paraphrase|simplify|summari[sz]e"
    r"|restate|turn|convert|answer|begin|start|ask|state|choose|replace|avoid|ensure|remember|remain|stay|preserve"
    r"|maintain|include|provide|give|produce|generate|return|output|reply|respond|do|don['’]t|never|always|only"
    r"|bitte|schreibe?|formuliere|verwende|benutze|behalte|antworte|gib|füge|écris|écrivez|utilise[rz]?|reformule[rz]?"
    r"|réécri\w+|garde[rz]?|répond\w*|n['’]ajoute[rz]?)\b",
    re.IGNORECASE,
)
_OF_PROMPTS = (
    "word words sentence sentences simple short plain passage text texts paragraph question questions answer "
    "answers paraphrase rephrase rewrite reword retell rewritten rephrased style tone language format formats child "
    "children toddler scholar reader readers audience wikipedia encyclopedic summary fact facts detail details "
    "information output reply respond response instruction instructions original meaning vocabulary version "
    "markdown easy complex concise terse abstruse prose simplify understand english add invent omit preserve number "
    "numbers names dates wörter worte sätze satz einfache kurze verwende formuliere absatz kind kleinkind verstehen "
    "sprache fakten mots phrases simples courtes texte enfant comprendre langue style reformuler faits"
)
_PROMPT_WORDS = frozenset(map(stem, _OF_PROMPTS.split())) - {""}
_MIN_PROMPT_STEMS = 3  # of a sentence, from prompts and not in the passage
_MIN_PROMPT_SHARE = 0.5  # of its content words
# A rephrasing stands for its passage and does not speak about it.
_ABOUT_THE_PASSAGE = re.compile(
    r"\b(?:the|this)(?: (?:original|given|above|following))? passage\b(?! of\b)"
    r"|\b(?:the|this) (?:original|given|rewritten|rephrased) (?:text|paragraph)\b",
    re.IGNORECASE,
)
_MIN_PROMPT_WORDS = 8  # a run of this many words of the prompt is a leak

_ITEM = r"[ \t]*(?:[-*+•]|\d{1,2}[.)]) \S"
_MARKDOWN = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),  # heading
    re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE),  # table row
    re.compile(rf"^{_ITEM}.*\n{{1,2}}{_ITEM}", re.MULTILINE),  # list
    re.compile(r"\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)"),  # link
    re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE),  # fence
    re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$", re.MULTILINE),  # rule
)


def finds_refusal(text: str, source: str) -> bool:
    """Whether the text refuses the task, or asks for another one, in words that the passage does not have."""
    said, given = _plain(text), _plain(source)
    if (opening := _OPENING_REFUSAL.match(said)) and opening.group() not in given:
        return True
    return any(match.group() not in given for match in _REFUSALS.finditer(said))


def finds_template_leak(text: str, source: str, instruction: str) -> bool:
    """Whether chat marks, headings of a prompt, sentences of an instruction, in its own or other words, or words
    about "the passage" stand in the text but not in the passage.
    """
    spoken = (_HEADINGS, _INSTRUCTIONS, _ABOUT_THE_PASSAGE)
    return (
        any(_has_new(pattern, text, source) for pattern in spoken)
        or finds_prompt(text, source, instruction)
        or _instructs(text, source, instruction)
    )


def finds_prompt(text: str, source: str, instruction: str) -> bool:
    """Whether chat marks or eight words of the instruction in a row stand in the text but not in the passage."""
    if _has_new(_CHAT_MARKS, text, source):
        return True
    written, given = f" {' '.join(_words(text))} ", f" {' '.join(_words(source))} "
    return any(run in written and run not in given for run in _prompt_runs(instruction))


def finds_markdown(text: str, source: str) -> bool:
    """Whether the text has a heading, table, list, link, fence or rule of Markdown of a kind that the passage
    lacks.
    """
    return any(pattern.search(text) and not pattern.search(source) for pattern in _MARKDOWN)


@lru_cache(maxsize=64)  # one for each style
def _prompt_runs(instruction: str) -> tuple[str, ...]:
    words = _words(instruction)
    starts = range(len(words) - _MIN_PROMPT_WORDS + 1)
    return tuple(f" {' '.join(words[i : i + _MIN_PROMPT_WORDS])} " for i in starts)


@lru_cache(maxsize=64)
def _prompt_stems(instruction: str) -> frozenset[str]:
    return frozenset(_PROMPT_WORDS | {stem(word) for word in _words(instruction)})


def _instructs(text: str, source: str, instruction: str) -> bool:
    """Whether a sentence tells what to do in words of this or any prompt, most of which the passage does not have."""
    given = {stem(word) for word in _words(source)}
    told = _prompt_stems(instruction) - given - {""}
    for start, stop in sentence_spans(text):
        if _TELLS_TO.match(text, start, stop):
            said = {stem(word) for word in _words(text[start:stop])} - {""}
            if len(said & told) >= max(_MIN_PROMPT_STEMS, _MIN_PROMPT_SHARE * len(said)):
                return True
    return False


def _has_new(pattern: re.Pattern[str], text: str, source: str) -> bool:
    """Whether something of this form stands in the text that the passage does not have."""
    folded = source.lower()
    return any(match.group().strip().lower() not in folded for match in pattern.finditer(text))


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
