import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import AppConfig, apps

from jobs.decorators import Handler, job
from jobs.exceptions import UnknownJobType
from jobs.registry import JobType, Registry, registry


def first(ctx): ...
def second(ctx): ...


@pytest.fixture
def types():
    return Registry()


def test_a_name_is_found_again(types):
    job_type = JobType("one", first)
    types.add(job_type)
    assert types.get("one") is job_type
    assert "one" in types
    assert list(types) == [job_type]


def test_an_unknown_name_is_named(types):
    with pytest.raises(UnknownJobType, match="No handler is registered for the job type 'two'") as caught:
        types.get("two")
    assert caught.value.name == "two"


def test_a_name_belongs_to_one_handler(types):
    types.add(JobType("one", first))
    with pytest.raises(ValueError, match=r"'one' is registered twice: .*:first:.* and .*:second:"):
        types.add(JobType("one", second))


def test_two_functions_of_one_name_in_one_module_are_two(types):
    def same(ctx): ...

    types.add(JobType("one", same))

    def same(ctx): ...

    with pytest.raises(ValueError, match="registered twice"):
        types.add(JobType("one", same))


def test_a_module_may_be_imported_again(types):
    def make():
        def handler(ctx): ...

        return handler

    types.add(JobType("one", make()))
    newest = JobType("one", make())
    types.add(newest)
    assert types.get("one") is newest


def test_a_name_can_be_forgotten(types):
    types.add(JobType("one", first))
    types.remove("one")
    types.remove("one")
    assert "one" not in types


def test_job_types_come_sorted_by_name(types):
    for name in ("b", "a", "c"):
        types.add(JobType(name, first))
    assert [job_type.name for job_type in types] == ["a", "b", "c"]


def test_a_job_type_describes_itself():
    def handler(ctx, url: str):
        """Fetch it.

        Twice.
        """

    job_type = JobType("one", handler)
    assert job_type.description == "Fetch it.\n\nTwice."
    assert job_type.schema["required"] == ["url"]
    assert not job_type.is_coroutine
    assert job_type.path.startswith(f"{__name__}:")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installed app whose handlers lie in a package of two modules and a package inside."""
    handlers = tmp_path / "relay_app" / "handlers"
    (handlers / "deeper").mkdir(parents=True)
    source = "from jobs.decorators import job\n@job({name!r})\ndef handler(ctx): ...\n"
    (handlers.parent / "__init__.py").touch()
    for name in ("__init__", "one", "two", "deeper/__init__", "deeper/three"):
        (handlers / f"{name}.py").write_text(source.format(name=f"relay_{name}"))
    monkeypatch.syspath_prepend(str(tmp_path))
    bare = ModuleType("bare_app")
    bare.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "bare_app", bare)
    import relay_app

    configs = [AppConfig("relay_app", relay_app), AppConfig("bare_app", bare)]
    monkeypatch.setattr(apps, "get_app_configs", lambda: configs)
    yield
    for job_type in list(registry):
        if job_type.name.startswith("relay_"):
            registry.remove(job_type.name)
    for name in [name for name in sys.modules if name.startswith("relay_app")]:
        del sys.modules[name]


def test_the_handlers_of_every_installed_app_are_found(installed):
    registry.discover()
    found = {job_type.name for job_type in registry if job_type.name.startswith("relay_")}
    assert found == {"relay___init__", "relay_one", "relay_two", "relay_deeper/__init__", "relay_deeper/three"}


def test_the_products_own_handlers_are_there():
    assert {"extract_content", "summarize", "validate_summary"} <= {job_type.name for job_type in registry}


def test_a_decorated_function_is_registered_by_its_decorator():
    handler = job("once_only")(first)
    try:
        assert isinstance(handler, Handler)
        assert registry.get("once_only") is handler.job_type
    finally:
        registry.remove("once_only")
