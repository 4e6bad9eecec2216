import pytest

from jobs.articles.languages import detect, primary


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat on the mat, and it was not amused by the dog.", "en"),
        ("Le chat est sur la table et il ne veut pas descendre.", "fr"),
        ("Die Katze sitzt auf dem Tisch und will nicht herunter.", "de"),
        ("El gato está en la mesa y no quiere bajar de ella.", "es"),
        ("Il gatto è sul tavolo e non vuole scendere per la cena.", "it"),
        ("O gato está na mesa e não quer descer para o jantar.", "pt"),
        ("De kat zit op de tafel en wil er niet van af.", "nl"),
        ("吾輩は猫である。名前はまだ無い。", "ja"),
        ("ＰＯＳＩＸに準拠した Linux カーネルを用いる。", "ja"),
        ("今天天气很好，我们去公园散步。", "zh"),
        ("고양이는 탁자 위에 앉아 있다.", "ko"),
        ("Кошка сидит на столе и не хочет слезать.", "ru"),
        ("Кішка сидить на столі й не хоче злазити.", "uk"),
        ("Η γάτα κάθεται στο τραπέζι.", "el"),
        ("القطة على الطاولة", "ar"),
        ("42", None),
        ("", None),
        ("git clone --depth 1", None),
    ],
)
def test_a_language_is_told_by_its_script_or_its_small_words(text: str, language: str | None) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("ja", "ja"),
        ("ja-JP", "ja"),
        ("en_US", "en"),
        ("EN", "en"),
        (" de ", "de"),
        ("fr, en", "fr"),
        ("yue-Hant", "yue"),
        ("x", None),
        ("japanese", None),
        ("", None),
        (None, None),
    ],
)
def test_a_tag_is_cut_down_to_its_language(tag: str | None, code: str | None) -> None:
    assert primary(tag) == code
