import pytest

from jobs.articles.validation import faults

SOURCE = (
    "The council of Ghent decided on 12 March 2024 to plant 1,500 trees along the river. The work will cost 2.5 "
    "million euros and take three years. Residents had asked for shade since the hot summer of 2019. The mayor "
    "called the plan a gift to the next generation. Opponents fear that parking spaces will disappear. The first "
    "trees will be planted in October near the old harbour, where the quay is widest."
)
JAPANESE = (
    "ヘント市議会は2024年3月12日、川沿いに1500本の木を植えることを決めた。費用は250万ユーロで、工事は3年かかる。"
    "住民は2019年の暑い夏から日陰を求めていた。市長はこの計画を次の世代への贈り物と呼んだ。"
    "反対派は駐車場がなくなることを心配している。最初の木は10月に古い港の近くに植えられる。"
    "岸壁がいちばん広いのはその場所である。工事の間も遊歩道は開いたままになると市は説明している。"
    "植える木の種類は、暑さに強いものを中心に、大学の研究者と市民が話し合って選ぶことになっている。"
    "費用の半分は州が出し、残りは市が三年に分けて払う。落ち葉の片づけは近くの学校の生徒も手伝うことになった。"
    "市の担当者は、来年の春までに最初の二十本が根づくことを期待していると話した。"
)


def codes(summary: str, source: str = SOURCE, **options: str) -> list[str]:
    return [reason.code for reason in faults(summary, source, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("summary", "source"),
    [
        ("The council of Ghent will plant 1500 trees along the river for 2.5 million euros.", SOURCE),
        ("Ghent plants 1,500 trees along the river; the first will be planted in October.", SOURCE),
        ("ヘント市議会は川沿いに1500本の木を植えることを決めた。", JAPANESE),
        ("ヘント市議会は川沿いに１５００本の木を植えることを決めた。", JAPANESE),
        ("A short note about the trees of Ghent.", "A short note about the trees of Ghent."),
    ],
)
def test_a_fair_summary_passes(summary: str, source: str) -> None:
    assert codes(summary, source) == []


@pytest.mark.parametrize(
    ("summary", "source", "code"),
    [
        ("", SOURCE, "empty"),
        (" \n… ", SOURCE, "empty"),
        ("Trees. Ghent.", SOURCE, "too_short"),
        ("木だ。", JAPANESE, "too_short"),
        ("The council decided to plant trees along the river. " * 20, SOURCE, "too_long"),
        (SOURCE, SOURCE, "whole_source"),
        ("  " + SOURCE.replace(" ", "\n"), SOURCE, "whole_source"),
        (JAPANESE, JAPANESE, "whole_source"),
        ("Le conseil de Gand a décidé de planter des arbres le long de la rivière.", SOURCE, "language"),
        ("The council of Ghent decided to plant trees along the river.", JAPANESE, "language"),
        ("The council of Ghent will plant 15,000 trees along the river.", SOURCE, "numbers"),
        ("ヘント市議会は川沿いに1600本の木を植えることを決めた。", JAPANESE, "numbers"),
        ("The council of Ghent decided to plant trees along the", SOURCE, "unfinished"),
        ("ヘント市議会は川沿いに木を植えることを", JAPANESE, "unfinished"),
        ("The council will plant trees. The council will plant trees.", SOURCE, "repetition"),
        ("<p>The council of Ghent decided to plant trees along the river.</p>", SOURCE, "markup"),
        ("The council of Ghent &amp; its mayor decided to plant trees.", SOURCE, "markup"),
        ("I'm sorry, but the council of Ghent decided to plant trees.", SOURCE, "not_a_summary"),
        ("申し訳ありませんが、川沿いに木を植えることしか分かりません。", JAPANESE, "not_a_summary"),
        ("Penguins huddle together because Antarctic winters bring terrible storms.", SOURCE, "unrelated"),
        ("南極のペンギンは寒さをしのぐために集まって眠るという。", JAPANESE, "unrelated"),
    ],
)
def test_a_fault_is_named(summary: str, source: str, code: str) -> None:
    assert code in codes(summary, source)


def test_the_language_asked_for_counts_more_than_that_of_the_source() -> None:
    japanese = "ヘント市議会は川沿いに1500本の木を植えることを決めた。"
    assert codes(japanese, SOURCE, language="ja") == []
    assert codes(japanese, SOURCE, language="en") == ["language"]


def test_each_length_has_its_limit() -> None:
    summary = (
        "The council of Ghent decided on 12 March 2024 to plant 1,500 trees along the river. The work will cost 2.5 "
    )
    summary += "million euros and take three years. Residents had asked for shade since the hot summer of 2019."
    assert codes(summary, SOURCE * 2, length="medium") == []
    assert codes(summary, SOURCE * 2, length="short") == ["too_long"]


def test_markup_that_the_article_is_about_may_be_quoted() -> None:
    source = SOURCE + " The page uses <table> for its layout."
    assert codes("The page of the council uses <table> for its layout.", source) == []


def test_several_faults_are_all_named() -> None:
    assert set(codes("<b>Penguins freeze at -70 degrees in Antarctica because storms")) >= {
        "markup",
        "numbers",
        "unfinished",
        "unrelated",
    }


def test_a_hostile_summary_is_judged_in_time() -> None:
    for summary in ("<a " * 50_000, "1,111" * 50_000, "「あ。" * 50_000, "以下は" * 50_000, "a" * 250_000):
        assert faults(summary, SOURCE)
