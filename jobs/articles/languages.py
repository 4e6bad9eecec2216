"""Which language a text is in: by its script, or by the small words that every sentence of a language uses."""

import re
import unicodedata
from collections import Counter
from typing import Final

#: How much of a text is looked at.
_SAMPLE: Final = 20_000

_TAG: Final = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_]|\s*$|\s*,)")

_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_SCRIPTS: Final = {
    "ko": re.compile("[\uac00-\ud7a3\u1100-\u11ff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_WORD: Final = re.compile("[a-z\u00df-\u024f]+")

_SMALL_WORDS: Final = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that for it with as was on are be this by from at have not or an which you can",
        "fr": "le la les de des et à a en un une du dans est que pour qui sur pas par avec au ce sont il plus ne se",
        "de": "der die das und ist nicht von zu mit den dem ein eine auf für sich des im als auch es werden wird oder",
        "es": "el la los las de y en que es un una por con para se del al no su más como lo este sus pero esta",
        "it": "il di che e la per un una non è del con le della i si sono da più nel gli alla come questo anche lo",
        "pt": "o de que e a do da em um uma para com não os no se na por mais as dos como mas foi ao das é são",
        "nl": "de het een van en is dat op te in voor niet met zijn aan er die als ook om bij wordt door maar naar",
        "sv": "och att det i som en på är av för med till den inte om har de ett kan vid från eller var när men",
    }.items()
}


def primary(tag: str | None) -> str | None:
    """Cut a language tag such as "ja-JP" or "en_US" down to its language."""
    found = _TAG.match(tag or "")
    return found[1].lower() if found else None


def detect(text: str) -> str | None:
    """Give the code of the language a text is mostly in, or None when there is too little to tell."""
    sample = unicodedata.normalize("NFC", text[:_SAMPLE])
    kana, han = len(_KANA.findall(sample)), len(_HAN.findall(sample))
    # A wide character says about as much as two letters.
    weights = {code: len(script.findall(sample)) * (2 if code == "ko" else 1) for code, script in _SCRIPTS.items()}
    weights["ja" if kana * 10 > han else "zh"] = 2 * (kana + han)
    script, weight = max(weights.items(), key=lambda item: item[1])
    if weight > 3 and weight > len(_LATIN.findall(sample)):
        return "uk" if script == "ru" and re.search("[іїєґ]", sample) else script
    return _by_small_words(sample.lower())


def _by_small_words(text: str) -> str | None:
    words = Counter(_WORD.findall(text))
    hits = {code: sum(words[word] for word in small) for code, small in _SMALL_WORDS.items()}
    (best, most), (_, second) = sorted(hits.items(), key=lambda item: -item[1])[:2]
    enough = max(2, sum(words.values()) // 20)
    return best if most >= enough and most > second * 1.2 else None
