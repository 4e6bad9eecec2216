"""What can keep Ekiden from starting. Each is shown as one sentence, without a traceback."""


class StartError(Exception):
    """Base class for everything that keeps Ekiden from starting. Do not raise directly."""


class InvalidSetting(StartError):
    """A variable of the environment has a value that Ekiden cannot use."""


class DatabaseNotStarted(StartError):
    """The embedded PostgreSQL could not be started."""


class PortTaken(StartError):
    """Another program listens on the port that Ekiden wants."""


class DatabaseNotReachable(StartError):
    """The server that DATABASE_URL names does not answer."""


class ChildKeepsDying(StartError):
    """The web server or the worker ends as often as it is started."""


class NotPrepared(StartError):
    """The database or the static files could not be brought up to date."""
