"""The product's settings with an app of handlers that tests can watch and hold."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.acceptance.testapp"]

#: Pages that are fetched stand on servers of the tests.
ARTICLES_ALLOW_PRIVATE_HOSTS = True
