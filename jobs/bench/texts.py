"""Texts about a few subjects each, in English and in Japanese, as unlike each other as real ones."""

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

_JOINTS: Final = "のにはをがでと"


def texts(size: int, seed: int = 5) -> Iterator[tuple[str, str]]:
    """Give languages and texts by turns; a quarter of each text's words are of its subject, the others of all."""
    chance = random.Random(seed)  # noqa: S311 - the same texts every time
    words = _words(chance)
    # The few are frequent and the many are rare, as in every language.
    frequent = {code: list(accumulate(1 / (place + 3) for place in range(len(own)))) for code, own in words.items()}
    subjects = [{code: chance.sample(own, 60) for code, own in words.items()} for _ in range(max(2, size // 50))]
    for number in range(size):
        language = "ja" if number % 2 else "en"
        text = chance.choices(words[language], cum_weights=frequent[language], k=chance.randint(80, 600))
        subject = chance.choice(subjects)[language]
        text = [chance.choice(subject) if chance.random() < 0.25 else word for word in text]
        yield language, " ".join(text) if language == "en" else "".join(word + chance.choice(_JOINTS) for word in text)


def _words(chance: random.Random) -> dict[str, list[str]]:
    syllables = [a + b for a in "kstnhmrgzdbp" for b in "aeiou"]
    characters = [chr(0x4E00 + number) for number in range(2_000)]
    return {
        "en": ["".join(chance.choices(syllables, k=chance.randint(2, 5))) for _ in range(20_000)],
        "ja": ["".join(chance.choices(characters, k=chance.randint(1, 3))) for _ in range(10_000)],
    }
