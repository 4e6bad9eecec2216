"""Articles to work on, written for this purpose, and as many more of each as are wanted, no two the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final


@dataclass(frozen=True)
class Text:
    """An article of a title and paragraphs."""

    language: str
    title: str
    paragraphs: Sequence[str]

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)

    def page(self) -> str:
        """Give it as a page of a site has it, with what does not belong to it around it."""
        body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in self.paragraphs)
        return (
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title></head><body><nav><a href='/'>Home</a></nav><main><article>"
            f"<h1>{escape(self.title)}</h1>{body}</article></main><footer>All rights reserved.</footer></body></html>"
        )


_RELAY: Final = Text(
    "en",
    "How the relay race came to the mountains",
    (
        "The relay race over the pass was first run in 1923 by eleven teams of students. Each runner carried a sash "
        "of red cloth from one post station to the next, as messengers had done two hundred years before them. The "
        "distance was 108 kilometres, and the last team reached the lake after dark, led by a man with a lantern.",
        "Nobody had planned to repeat it. The villages along the road had lent their inns for a night, and the "
        "newspaper that paid for the sashes lost money. But in the spring the innkeepers wrote to the editor and "
        "asked which date they should keep free, because guests had begun to ask. The second race had twenty teams.",
        "The road was paved in 1954, and times fell by a quarter of an hour. Coaches began to weigh their runners and "
        "to send the strongest climber to the fifth section, which rises 860 metres in 21 kilometres. What they "
        "could not plan was the weather: in 1968 snow closed the pass, and the teams waited in a school for a day.",
        "Today the race is watched by more people than live in the province. Doctors stand at each station since a "
        "runner collapsed with 200 metres to go and his team mate, who saw it on a screen, could not help him. The "
        "rule that a sash may only be handed over by hand has never been changed.",
        "Asked what the race is about, an old starter once said that it is about the sash: it arrives, or it does "
        "not. Whoever carries it is tired after an hour, but the sash has to go on for eleven.",
    ),
)
_LIBRARY: Final = Text(
    "en",
    "A library that lends out tools",
    (
        "The town library of Norhaven lends out drills, ladders and a cider press. It began with a donation in 2009: "
        "a carpenter left his workshop to the town, and the only empty room belonged to the library. The librarians "
        "gave each tool a number and a card, as they did with books, and waited to see what would happen.",
        "In the first year 312 tools were lent out, and four did not come back. By now there are 2,600 loans a year. "
        "The most popular object is a carpet cleaner, which is booked until autumn. The least popular is a set of "
        "bagpipes that nobody remembers buying.",
        "Lending tools is not the same as lending books. A saw must be sharpened, a battery must be charged, and "
        "somebody has to explain the cider press. Two retired engineers come every Thursday to repair what was "
        "broken, and they keep a list of what breaks most often: it is led by the handles of wheelbarrows.",
        "The town council asked whether the service pays. The answer was 41 pages long and said that it depends on "
        "what is counted. If every borrower had bought what they borrowed, the households of Norhaven would have "
        "spent 190,000 more in ten years, and most of it would now lie in cellars.",
        "Other towns have copied the idea. What they ask first is how many tools one needs to begin. The librarians "
        "say that it is the wrong question: one needs a room that is open on Saturdays, and a person in it.",
    ),
)
_TIDES: Final = Text(
    "ja",
    "港町の潮位計",
    (
        "港の入口に立つ小さな石造りの小屋には、百二十年前から潮位計が置かれている。浮きが海面とともに上下し、"
        "その動きを針が紙に写す。紙は一日に一枚ずつ取り替えられ、これまでに四万枚あまりが保存されてきた。",
        "記録を始めたのは、地元の学校で物理を教えていた教師だった。彼は漁師たちから、満潮の時刻が暦と合わないと"
        "いう話を聞き、自分の目で確かめようとした。最初の一年で、暦が平均して二十三分も早いことが分かった。",
        "一九六〇年の春、遠い海の向こうで起きた地震の翌日に、針は大きく振れた。小屋の番をしていた女性は、引いて"
        "いく海を見てすぐに鐘を鳴らし、港で働く人々を高台へ導いた。その日の紙は今も額に入れて飾られている。",
        "近年は、同じ場所に電子式の計器も据えられた。数字は一分ごとに気象台へ送られ、誰でも画面で見ることが"
        "できる。それでも町の人々は、古い潮位計を止めようとはしない。停電の夜にも、針だけは動き続けるからである。",
        "研究者たちは、百二十年分の紙を読み取って数値に直す作業を進めている。海面は、最初の紙より十八センチ高く"
        "なっていた。変化の半分以上は、この三十年の間に起きている。",
    ),
)
_BREAD: Final = Text(
    "ja",
    "山の村のパン屋",
    (
        "標高九百メートルの村に、週に三日だけ開くパン屋がある。店主の夫婦は十五年前に都会から移り住み、廃校と"
        "なった小学校の給食室に窯を据えた。はじめの冬は雪が深く、客が一人も来ない日が十一日続いた。",
        "粉は村で作られた小麦を使う。かつてこの谷では小麦が広く作られていたが、四十年前にはほとんど姿を消して"
        "いた。夫婦は農家の納屋に残っていた古い種を譲り受け、二枚の畑から始めて、今では六軒の農家が育てている。",
        "村の小麦は、売られている粉より水を吸いにくく、日によって膨らみ方が変わる。妻は毎朝の気温と水の量を"
        "帳面に書きつけており、その数は十二冊になった。失敗した日のことほど詳しく書いてある、と彼女は言う。",
        "土曜日には、麓の町から二時間かけて来る人もいる。焼き上がりは十時で、昼前には棚が空になる。もっと焼いては"
        "どうかと尋ねられるたびに、夫は窯の大きさと、自分たちの眠る時間について説明する。",
        "昨年の秋、村の子どもは九人になった。給食室の窓からは、かつての校庭で遊ぶ姿が見える。夫婦は子どもたちに、"
        "帳面の十三冊目を書いてもらうつもりでいる。",
    ),
)
TEXTS: Final = (_RELAY, _TIDES, _LIBRARY, _BREAD)


def varied(text: Text, number: int) -> Text:
    """Give a text of its own for each number: the paragraphs begin elsewhere, and one names the number."""
    place = number % len(text.paragraphs)
    paragraphs = [*text.paragraphs[place:], *text.paragraphs[:place]]
    if text.language == "ja":
        paragraphs.append(f"この記事は、編集部に届いた{number + 1}番目の原稿をもとにまとめられた。")
    else:
        paragraphs.append(f"This article is based on manuscript number {number + 1} that reached the editors.")
    return Text(text.language, f"{text.title} ({number + 1})", paragraphs)
