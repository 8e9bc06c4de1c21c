"""What the extractor knows of HTML: how each tag behaves, and generic words in tags, classes, ids and roles.

Elements and blocks carry one bit per *mark*. A mark comes from the element's tag, its role or itemprop, or from a word
of its class or id ("post-body", "postBody" and "post_body" hold the words post and body). The words are the generic
ones that sites, themes and forum programs share; none is the name of a site.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

# How a tag behaves; one of the first four, plus flags.
INLINE, BLOCK, DROP, RAW = 0, 1, 2, 3
VOID, PREFORMATTED, LINK, BREAK, LIST_ITEM, ROW, CELL, TABLE, ORDERED = (1 << bit for bit in range(2, 11))
QUOTE, CODE, DEFINITION, NOSCRIPT, SPACED = (1 << bit for bit in range(11, 16))
HEADING_SHIFT = 16  # three bits: the level

_BLOCKS = (
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p pre search "
    "section summary table tbody td tfoot th thead tr ul caption noscript button label listing article-body"
)
_INLINES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark marquee nobr q rb rbc rtc ruby s samp "
    "small span strike strong sub sup time tt u var wbr br img input math mi mo mn mrow msup msub mfrac msqrt mtext "
    "semantics mstyle mover munder mtable mtr mtd mspace"
)
# Their content is no text of the page, or is said twice.
_DROPPED = (
    "head template svg object embed audio video canvas map datalist select textarea rt rp annotation annotation-xml "
    "progress meter portal"
)
# Their content is not parsed as elements; the serialiser writes it as it is.
_RAW = "script style iframe noembed noframes xmp plaintext"
_VOID = "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"

# Marks, in the order of their bits; `name: words`. Up to 62.
_WORDS = """
content: content contents maincontent pagecontent contentbody textcontent bodycontent inhalt contenu contenido
main: main primary central middle center
article: article articles story artikel editorial articlecontent articletext news
body: body articlebody postbody storybody bodytext bodycopy copy richtext prose markdown rte wysiwyg rst
text: text txt paragraph para texte
entry: entry entrycontent hentry blogpost
post: post posts postcontent postmessage message messages msg bbwrapper bbcode quote
thread: thread threads topic topics forum forums viewtopic board conversation
reply: reply replies answer answers question questions response responses accepted
comment: comment comments discussion discuss disqus commentlist feedback
user: user users username poster profile avatar member userinfo author byline authors postauthor bio
signature: signature sig rank badge badges reputation karma joined
blog: blog feed stream archive archives
nav: nav navi navigation navbar menu menus submenu mainmenu topnav menubar mega megamenu navigationbar
crumb: breadcrumb breadcrumbs crumb crumbs path
pager: pagination pager pages paginate paging prev next previous
header: header head masthead topbar banner hero jumbotron
footer: footer foot colophon bottom copyright legal imprint
sidebar: sidebar side aside rail widget widgets rightcolumn leftcolumn secondary column right left sidenav
ad: ad ads advert advertisement adsense sponsor sponsored promo promotion promoted dfp gpt outbrain taboola
share: share sharing social facebook twitter follow pinterest linkedin socials bookmark addthis
related: related recommended recommendations recommend suggested similar also more popular trending latest recent
tags: tag tags category categories taxonomy label labels keywords
meta: meta metadata info details date time published timestamp posted dateline stats
subscribe: newsletter subscribe subscription signup login signin register account cta email
search: search filter filters facet facets sort sorting refine searchform
cookie: cookie cookies consent gdpr privacy notice onetrust ot cmp cky cookiebot didomi truste iubenda osano ccpa
popup: modal popup overlay lightbox dialog tooltip dropdown flyout drawer offcanvas toast alert
skip: skip hidden sr screen reader only visually accessibility noprint print
media: image images img photo gallery carousel slider slideshow video player caption figure thumbnail thumb slide swiper
title: title headline heading hed subtitle
summary: summary excerpt teaser intro lead abstract dek standfirst subhead lede snippet
list: list listing listings items results result grid collection collections archive
item: item card cards tile tiles teasers cell row entryitem listitem
product: product products pdp prod goods shop store catalog plp
price: price prices pricing cost sale discount amount money
buy: cart basket checkout buy add wishlist quantity qty variant swatch option options addtocart compare
description: description desc overview about information
spec: spec specs specification specifications attributes features feature properties
review: review reviews rating ratings stars testimonial testimonials
docs: doc docs documentation manual api reference guide tutorial readme wiki mw
toc: toc tableofcontents outline onthispage index anchor headerlink permalink
code: code highlight syntax codehilite pre snippet example sourcecode gutter linenos
service: service services faq accordion step steps benefits solution
tool: tool tools toolbar action actions button buttons btn controls control edit vote votes voting like likes
"""
# Marks from the tag itself, from a role, or from itemprop.
_TAG_MARKS = """
tag_article: article
tag_main: main
tag_section: section
tag_nav: nav
tag_header: header
tag_footer: footer
tag_aside: aside search
tag_form: form fieldset
tag_table: table
tag_list: ul ol dl
tag_paragraph: p
tag_figure: figure figcaption
tag_heading: h1 h2 h3 h4 h5 h6
tag_button: button label summary option
tag_quote: blockquote
tag_link: a
"""
_ROLES = {
    "navigation": "tag_nav",
    "menu": "tag_nav",
    "menubar": "tag_nav",
    "banner": "tag_header",
    "contentinfo": "tag_footer",
    "complementary": "tag_aside",
    "search": "tag_aside",
    "main": "tag_main",
    "article": "tag_article",
    "dialog": "popup",
    "alertdialog": "popup",
    "button": "tag_button",
    "toolbar": "tool",
}
_ITEMPROPS = {
    "articlebody": "body",
    "text": "body",
    "mainentity": "main",
    "mainentityofpage": "main",
    "description": "description",
    "reviewbody": "review",
    "review": "review",
    "author": "user",
    "name": "title",
    "headline": "title",
    "datepublished": "meta",
    "offers": "price",
    "price": "price",
    "comment": "comment",
    "recipeinstructions": "body",
    "recipeingredient": "body",
    "breadcrumb": "crumb",
    "keywords": "tags",
}

# Words of the text itself that mark what surrounds the content, whatever the page. Numbers of _scan's LEGAL_WORDS etc.
_LEXICON = """
legal: cookie cookies privacy gdpr consent consents javascript browser browsers advertising advertisers personalized
  copyright reserved trademark trademarks disclaimer terms policy policies preferences enabled disabled adblock
  datenschutz impressum einwilligung werbung confidentialité privacidad privacidade tracking opt
action: subscribe subscription newsletter sign login log signup register cart checkout buy order shop click download
  submit password username email e-mail mail free menu search filter sort close skip loading next previous page
  anmelden registrieren abonnieren warenkorb weiterlesen suche iniciar sesión suscríbete connexion inscription panier
social: share tweet facebook twitter instagram pinterest linkedin whatsapp youtube follow reply replies quote report
  like likes views comment comments votes upvote posted joined member related read more trending popular recommended
  teilen kommentare antworten mehr artikel compartir comentarios partager commentaires lire suite
date: january february march april may june july august september october november december jan feb mar apr jun jul
  aug sep sept oct nov dec am pm ago monday tuesday wednesday thursday friday saturday sunday updated published
  januar februar märz juni juli oktober dezember uhr enero febrero marzo abril mayo junio julio agosto septiembre
  janvier février mars avril juin juillet août septembre octobre novembre décembre
"""

_FNV_START, _FNV_PRIME = 0x811C9DC5, 0x01000193  # FNV-1a, 32 bits


def hash_word(word: str) -> int:
    """FNV-1a of the word's code points, as `_scan` computes it (of ASCII: of its bytes)."""
    value = _FNV_START
    for character in word:
        value = ((value ^ ord(character)) * _FNV_PRIME) & 0xFFFFFFFF
    return value


def _lines(table: str) -> list[tuple[str, list[str]]]:
    return [
        (name, words.split())
        for name, _, words in (line.partition(": ") for line in table.strip().splitlines())
    ]


MARKS: tuple[str, ...] = tuple(name for name, _ in _lines(_WORDS) + _lines(_TAG_MARKS))
N_MARKS = len(MARKS)


class Vocabulary(NamedTuple):
    """Tables of `_scan`: open addressing by FNV-1a; a hash of 0 is an empty place."""

    tag_hashes: Any  # uint32
    tag_kinds: Any  # uint32: the constants above
    tag_marks: Any  # uint64
    word_hashes: Any
    word_marks: Any
    role_hashes: Any
    role_marks: Any
    property_hashes: Any
    property_marks: Any
    lexicon_hashes: Any
    lexicon_kinds: Any  # int64: 0 legal, 1 action, 2 social, 3 date


@cache
def vocabulary() -> Vocabulary:
    """The tables, made once."""
    bits = {name: 1 << bit for bit, name in enumerate(MARKS)}
    tag_marks: dict[str, int] = {}
    for name, tags in _lines(_TAG_MARKS):
        tag_marks |= dict.fromkeys(tags, bits[name])
    kinds = _tag_kinds()
    words: dict[str, int] = {}
    for name, listed in _lines(_WORDS):
        for word in listed:
            words[word] = words.get(word, 0) | bits[name]
    hashes, (kind_column, mark_column) = _table(
        {tag: (kind, tag_marks.get(tag, 0)) for tag, kind in kinds.items()}
    )
    parts: list[Any] = [hashes, kind_column.astype(np.uint32), mark_column]
    for given in (
        words,
        {role: bits[mark] for role, mark in _ROLES.items()},
        {name: bits[mark] for name, mark in _ITEMPROPS.items()},
    ):
        hashes, (column,) = _table({word: (mask,) for word, mask in given.items()})
        parts += [hashes, column]
    lexicon: dict[str, tuple[int, ...]] = {
        word: (kind,)
        for kind, line in enumerate(_LEXICON.strip().replace("\n  ", " ").splitlines())
        for word in line.partition(": ")[2].split()
    }
    hashes, (column,) = _table(lexicon)
    parts += [hashes, column.astype(np.int64)]
    return Vocabulary(*parts)


def _tag_kinds() -> dict[str, int]:
    kinds = dict.fromkeys(_INLINES.split(), INLINE) | dict.fromkeys(_BLOCKS.split(), BLOCK)
    kinds |= dict.fromkeys(_DROPPED.split(), DROP) | dict.fromkeys(_RAW.split(), RAW)
    for tag in _VOID.split():
        kinds[tag] = kinds.get(tag, INLINE) | VOID
    flags = {
        "pre": PREFORMATTED,
        "listing": PREFORMATTED,
        "a": LINK,
        "br": BREAK,
        "li": LIST_ITEM,
        "tr": ROW,
        "td": CELL,
        "th": CELL,
        "table": TABLE,
        "ol": ORDERED,
        "blockquote": QUOTE,
        "code": CODE,
        "tt": CODE,
        "dd": DEFINITION,
        "noscript": NOSCRIPT,
        "img": SPACED,
        "input": SPACED,
    }
    for tag, flag in flags.items():
        kinds[tag] |= flag
    for level in range(1, 7):
        kinds[f"h{level}"] |= level << HEADING_SHIFT
    return kinds


def _table(entries: dict[str, tuple[int, ...]]) -> tuple[Any, list[Any]]:
    size = 1 << (4 * len(entries)).bit_length()
    hashes = np.zeros(size, np.uint32)
    columns = [np.zeros(size, np.uint64) for _ in next(iter(entries.values()))]
    for word, values in entries.items():
        key = hash_word(word)
        place = key & (size - 1)
        while hashes[place] not in (0, key):
            place = (place + 1) & (size - 1)
        hashes[place] = key
        for column, value in zip(columns, values, strict=True):
            column[place] = value
    return hashes, columns
