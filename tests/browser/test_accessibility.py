"""No list of the console is forgotten by the browser's walks, and the pages around them can be used by everybody."""

import pytest
from django.contrib import admin
from django.urls import resolve

from tests.browser import scene
from tests.browser.accessible import faults
from tests.browser.places import places

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_list_is_forgotten(operator):
    """The list of every model of the console is among the places."""
    seen = {resolve(address.partition("?")[0]).url_name for address in places(scene.build(operator)).values()}
    lists = {
        f"{model._meta.app_label}_{model._meta.model_name}_changelist"
        for model in admin.site._registry
        if model._meta.app_label != "auth"
    }
    assert sorted(lists - seen) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_outside_can_be_used_by_everybody(page, live_server, scheme):
    page.emulate_media(color_scheme=scheme)
    for address in ("/admin/login/", "/admin/nowhere/", "/problems/", "/nowhere"):
        page.goto(live_server.url + address)
        assert faults(page) == [], address
