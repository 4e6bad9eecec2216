from tests.markdown import ROOT

VENDORED = ROOT / "analytics" / "static" / "analytics" / "vendor"


def test_what_is_not_ours_has_its_licence_and_is_named():
    decisions = (ROOT / "docs" / "decisions.md").read_text()
    found = list(VENDORED.iterdir())
    assert found
    for directory in found:
        assert (directory / "LICENSE").read_text().startswith("The MIT License")
        assert f"{directory.relative_to(ROOT)}/" in decisions
        assert directory.name in (ROOT / "templates" / "analytics" / "page.html").read_text()
