import pytest

from jobs.search.cursor_context import Typed, typed_at


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("|", Typed(None, "", 0, 0)),
        ("sta|", Typed(None, "sta", 0, 3)),
        ("status:|", Typed("status", "", 7, 7)),
        ("status:fa|iled AND x", Typed("status", "fa", 7, 13)),
        ("sta|tus:failed", Typed(None, "sta", 0, 7)),
        ("-sta|", Typed(None, "sta", 1, 4)),
        ("-status:fa|", Typed("status", "fa", 8, 10)),
        ("a:b NOT proj|", Typed(None, "proj", 8, 12)),
        ("status:(failed OR pen|)", Typed("status", "pen", 18, 21)),
        ("(a:b) sta|", Typed(None, "sta", 6, 9)),
        ("created_at:[now-7d TO n|]", Typed("created_at", "n", 22, 23, compared=True)),
        ("created_at:>=now|", Typed("created_at", "now", 13, 16, compared=True)),
        ('project_name:"my pr|', Typed("project_name", "my pr", 13, 19, quoted=True)),
        ('project_name:"my pr|oject" x', Typed("project_name", "my pr", 13, 25, quoted=True)),
        ('project_name:"a \\"b\\" c|', Typed("project_name", 'a "b" c', 13, 23, quoted=True)),
        ('project_name:"a:b" sta|', Typed(None, "sta", 19, 22)),
        ("project_name:a\\ b|", Typed("project_name", "a b", 13, 17)),
        ("created_at:2026-01-01T10:0|", Typed("created_at", "2026-01-01T10:0", 11, 26)),
        ('"some wor|', Typed(None, "some wor", 0, 9, quoted=True)),
        ("))x|", Typed(None, "x", 2, 3)),
        ("\\|", Typed(None, "\\", 0, 1)),
    ],
)
def test_what_is_typed_at_a_place(text, typed):
    position = text.index("|")
    assert typed_at(text.replace("|", ""), position) == typed
