"""What belongs to one place: its names in English, German and French, its adjectives, its large towns.

So "the Scots" follow from "Scotland", "Köln" from "Cologne" and "the Polish capital" from "Warsaw", but no town
from its country. A list of our own: countries and regions that prose names often, and towns whose names differ
by language.
"""

from __future__ import annotations

from functools import lru_cache

_MIN_BEGINNING = 4  # letters of an entry with a star

# A line is a place; a star stands for any ending. Behind the bar: large towns in it.
_COUNTRIES = """
german* germany deutsch* allemand* allemagne | berlin hamburg munich munchen cologne koln frankfurt leipzig dresden
austria* osterreich* autrich* | vienna wien vienne viennese wiener salzburg innsbruck graz
switzerland swiss schweiz* suisse* helvet* | bern berne bernese zurich geneva genf geneve basel basle
france french* franzos* frankreich* francais* | paris parisian* lyon marseille bordeaux toulouse lille strasbourg
ital* | rome rom roma roman milan mailand florence florenz venice venedig venise naples neapel turin genoa bologna
spain spanish spaniard* spani* espagn* | madrid barcelona seville sevilla valencia
portug* | lisbon lissabon lisbonne
netherland* dutch* holland* niederland* neerland* pays-bas hollandais* | amsterdam hague haag rotterdam utrecht leiden
belg* | brussels brussel brusseler bruxelles antwerp ghent bruges
brit* england english* englan* englisch* anglais* angleterre uk grossbrit* royaume-uni \
  | london londres manchester liverpool birmingham leeds bristol oxford cambridge
scot scots scottish scotland schott* ecoss* | edinburgh glasgow aberdeen
wales welsh walis* gallois*
irish* ireland irland* iren irisch* | dublin
denmark dane danes danish danemark danois* dane danen danisch* | copenhagen kopenhagen copenhague
swede swedes swedish sweden schwed* suede suedois* | stockholm
norw* norveg* | oslo
finn finns finnish finland finnisch* finnen finlandais* finlande | helsinki
iceland* islandais* islandisch* | reykjavik
poland polish pole poles polen polnisch* pologne polonais* | warsaw warschau varsovie krakow cracow gdansk
czech* tschech* tcheque* tchequie | prague prag
hungar* ungar* hongr* | budapest
roman* rumani* ruman* roumain* roumanie | bucharest
bulgar* | sofia
greek* greece griech* grec grecs grecque* | athens athen athenes
turk* turkey turkei turq* | ankara
russ* | moscow moskau moscou petersburg
ukrain* | kyiv kiev kiew
croat* kroat*
serb*
japan* japon* | tokyo osaka kyoto
china chines* chinois* chine | beijing peking pekin shanghai
korea* corée* coree* | seoul
india indian* indien indisch* inde indiens indienne* | delhi mumbai bombay calcutta kolkata madras
american* america amerika* americain* us usa states etats-unis \
  | washington york chicago boston philadelphia angeles francisco houston dollar dollars
canad* kanad* | ottawa toronto montreal vancouver
mexic* mexik* mexiq*
brazil* brasil* bresil*
argentin*
austral* | canberra sydney melbourne
zealand zealander* neusee* neo-zelandais*
egypt* agypt* | cairo kairo caire
morocc* marok* maroc*
algeri* alger
south-africa* sudafrik* sud-africain*
nigeria*
keny* keni* | nairobi
ethiop* athiop*
israel* | jerusalem
iran* persi*
europe european* europa* eu
bavaria* bayern bayer* bayr* baviere bavarois* | munich munchen
saxon* sachs* saxe saxons
pruss* preuss*
flemish flanders fland* flam* flamand*
breton* britt* bretagne bretan*
norman* normandy
burgund* bourgogne bourguign*
catal* katal* | barcelona
tuscan* toskan* toscan*
sicil* sizil*
bohem* bohm*
tyrol* tirol*
alsac* elsass* elsasser
"""
_TOWNS = """
cologne koln kolner
munich munchen* munchner*
nuremberg nurnberg*
vienna wien* vienne viennois* viennese
florence florenz florent* firenze
venice venedig* venise venezia* venetian* venezian* venitien*
milan mailand* milano milan*
naples neapel* napoli neapolit* napolit*
rome rom roma roman romans romain* romisch*
geneva genf genfer geneve genev*
basel basle bale baler
prague prag prager praha
warsaw warschau* varsovie warszawa
moscow moskau* moscou muscovite*
copenhagen kopenhagen* copenhague
antwerp* anvers
ghent gent gand
hague haag haye
lisbon lissabon* lisbonne
london* londres londonien*
athens athen athener athenes athenian*
gdansk danzig*
wroclaw breslau*
beijing peking* pekin
danube donau*
rhine rhein rhin
"""


def _entries() -> tuple[dict[str, set[int]], dict[str, set[int]], dict[str, set[int]]]:
    """Places by word, by the beginning of a word, and by what calls a country to mind."""
    words: dict[str, set[int]] = {}
    beginnings: dict[str, set[int]] = {}
    inside: dict[str, set[int]] = {}
    for place, line in enumerate((_COUNTRIES + _TOWNS).strip().splitlines()):
        names, _, capitals = line.partition("|")
        for name in names.split():
            table = beginnings if name.endswith("*") and len(name) > _MIN_BEGINNING else words
            table.setdefault(name.rstrip("*"), set()).add(place)
        for name in capitals.split():
            inside.setdefault(name, set()).add(place)
    return words, beginnings, inside


_WORDS, _BEGINNINGS, _INSIDE = _entries()
_LENGTHS = sorted({len(name) for name in _BEGINNINGS})


@lru_cache(maxsize=1 << 14)
def places_of(word: str) -> frozenset[int]:
    """The places that a word, in small letters without accents, is a name or an adjective of."""
    found = set(_WORDS.get(word, ()))
    for length in _LENGTHS:
        found |= _BEGINNINGS.get(word[:length], set()) if length <= len(word) else set()
    return frozenset(found)


def called_to_mind(word: str) -> frozenset[int]:
    """The places that may be named where this word is: its own, and the country of a large town."""
    return places_of(word) | _INSIDE.get(word, set())
