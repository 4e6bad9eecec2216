"""What can keep Ekiden from starting, or a back-up from being made. Each is shown as one sentence, no traceback."""


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


class BackupFailed(Exception):
    """A back-up could not be made or restored; shown as one sentence."""


class RolesNotMade(Exception):
    """The database's roles could not be made; shown as one sentence."""
