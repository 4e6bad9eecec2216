"""The web process, for an WSGI server."""

import os

# A web process serves many requests at once and keeps a pool of database connections; the settings look here.
os.environ.setdefault("EKIDEN_PROCESS", "web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
