"""Which names of a summary its source does not know. Without a model: what looks like a name in its script.

Told are only those that can hardly be anything else, because a false alarm costs a good summary.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_LETTER: Final = r"[^\W\d_\u1100-\u11ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9d]"
#: Of scripts with capital letters, with hyphens and apostrophes inside.
_WORD: Final = re.compile(rf"{_LETTER}+(?:[’'\-‐]{_LETTER}+)*")
#: Behind these a capital letter says nothing: a sentence begins.
_BEGINS: Final = re.compile(r"(?:^|[.!?…:;。！？\n]|[\"'“”„«»‹›‘(\[—–•*/-])[\s\"'“”„«»‹›‘’(\[]*$")
_POSSESSIVE: Final = re.compile(r"['’](?:s|S)?$")
#: Written with a capital wherever they stand, and names of nobody.
_EVERYDAY: Final = frozenset(
    (
        "january february march april may june july august september october november december monday tuesday "
        "wednesday thursday friday saturday sunday mr mrs ms dr prof sir lady internet web god english"
    ).split()
)
#: Here every noun begins with a capital letter, so only what is capital throughout is looked at.
_NOUNS_ARE_CAPITAL: Final = frozenset({"de"})
#: A headline in title case has capital letters in all words so long, and some of them.
_LONG_WORD: Final = 5
_FEW: Final = 3

_NAME_SIGN: Final = "ァ-ヺー一-鿿々〆ヶ"
#: What stands behind the names of people, places and bodies.
_TITLED: Final = re.compile(
    rf"([{_NAME_SIGN}]{{1,16}}?)(?:氏|さん|様|君|首相|大統領|総理|大臣|知事|市長|議員|社長|会長|教授|博士|監督|選手|容疑者|被告|女史|"
    r"大学|銀行|新聞|放送|株式会社|県|府|州)(?![々〆ヶ])"
)
#: These make no name of what follows: 各氏, 同大学, 他県.
_GENERAL: Final = re.compile(
    r"^(?:[同各両全本当他一数某新旧諸現前元次副]|[一-鿿]*(?:国立|私立|公立|州立|地方|都道|都道府|大手))$"
)
_DOTTED: Final = re.compile(r"[ァ-ヺー]{2,}(?:[・＝=][ァ-ヺー]{2,})+")
#: Places that need no title, with the signs by which a source may mean them too.
_PLACES: Final = {
    **dict.fromkeys("北海道 青森 秋田 東京 横浜 名古屋 大阪 京都 神戸 広島 福岡 熊本 鹿児島 沖縄".split(), ""),
    **{"アメリカ": "米", "イギリス": "英", "フランス": "仏", "ドイツ": "独", "ロシア": "露ロ", "イタリア": "伊"},
    **{"インド": "印", "オーストラリア": "豪", "ブラジル": "伯", "カナダ": "加", "ウクライナ": "ウ", "北朝鮮": "朝"},
}


def unknown_names(summary: str, source: str, language: str | None) -> list[str]:
    """Give the names of a summary that do not occur in its source, in their order.

    Both in the language given: in a translation names look different, so none of them can be told.
    """
    found = [*_capitals(summary, source, language)]
    if language == "ja":
        found += _japanese(unicodedata.normalize("NFKC", summary), unicodedata.normalize("NFKC", source))
    return list(dict.fromkeys(found))


def _capitals(summary: str, source: str, language: str | None) -> Iterator[str]:
    known = _Known(source)
    words = list(_WORD.finditer(summary))
    capital = [word for word in words if word[0][0].isupper()]
    if _in_title_case([word[0] for word in words]):
        return
    for run in _runs(capital, summary):
        initials = "".join(word[0][0] for word in run)
        if known.has_acronym(initials) or known.has_acronym(initials[1:]):
            continue  # the source has only the abbreviation; the first word may be an article
        for word in run:
            name = _POSSESSIVE.sub("", word[0])
            if _may_be_told(word, name, summary, language) and not known.has(name):
                yield name


def _in_title_case(words: list[str]) -> bool:
    long = [word for word in words if len(word) >= _LONG_WORD]
    return len(long) >= _FEW and all(word[0].isupper() for word in long)


def _runs(capital: list[re.Match[str]], text: str) -> Iterator[list[re.Match[str]]]:
    """Put together the capital words that stand beside each other: World Health Organization."""
    run: list[re.Match[str]] = []
    for word in capital:
        if run and text[run[-1].end() : word.start()].strip() not in ("", "of", "for", "and", "&"):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _may_be_told(word: re.Match[str], name: str, text: str, language: str | None) -> bool:
    if language == "ja":
        # AI, PC and the like are words of the language by now.
        return len(name) > 3
    throughout = len(name) > 1 and name.isupper()
    if throughout or any(char.isupper() for char in name[1:]):
        return True
    if len(name) < 3 or name.casefold() in _EVERYDAY or language in _NOUNS_ARE_CAPITAL:
        return False
    return not _BEGINS.search(text[max(word.start() - 12, 0) : word.start()])


class _Known:
    """The words of a source, however they are inflected or abbreviated there."""

    def __init__(self, source: str) -> None:
        words = [part for word in _WORD.findall(source) for part in _parts(word)]
        self._words = {_plain(word) for word in words}
        self._starts = {word[:length] for word in self._words for length in range(4, min(len(word), 16) + 1)}
        self._upper = {word for word in words if len(word) > 1 and word.isupper()}
        self._initials = "".join(word[0] for word in words).casefold()
        self._capitals = "".join(word[0] for word in words if word[0].isupper()).casefold()

    def has(self, name: str) -> bool:
        return all(self._has(part) for part in _parts(name) if part[0].isupper() or part == name)

    def has_acronym(self, initials: str) -> bool:
        return len(initials) > 1 and initials in self._upper

    def _has(self, name: str) -> bool:
        word = _plain(name)
        if word in self._words or word[: max(4, -(-len(word) * 7 // 10))] in self._starts:
            return True
        # Japanese of Japan, and NATO of North Atlantic Treaty Organization.
        if any(word[:length] in self._words for length in range(4, len(word))):
            return True
        return name.isupper() and (word in self._initials or word in self._capitals)


def _parts(word: str) -> list[str]:
    return [part for part in re.split(r"[’'\-‐]", word) if part]


def _plain(word: str) -> str:
    """Give a word without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def _japanese(summary: str, source: str) -> Iterator[str]:
    there = _bare(source)
    for found in _DOTTED.finditer(summary):
        if any(_bare(part) not in there for part in re.split("[・=]", found[0])):
            yield found[0]
    for found in _TITLED.finditer(summary):
        # What stands before a name is not parted from it, so its end has to do.
        if not _GENERAL.match(found[1]) and _bare(found[1])[-2:] not in there:
            yield found[0]
    for place, signs in _PLACES.items():
        said = summary.replace("東京都", "東京")
        if place in said and place not in source and not any(sign in source for sign in signs):
            yield place


def _bare(text: str) -> str:
    """Leave out what is written or not: コンピュータ, コンピューター."""
    return re.sub("[ー・=]", "", text)
