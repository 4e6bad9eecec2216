"""The web process, for an ASGI server."""

import os

# A web process serves many requests at once and keeps a pool of database connections; the settings look here.
os.environ["EKIDEN_PROCESS"] = "web"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()
