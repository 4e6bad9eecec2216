"""What can go wrong with a web page. The docstring is the message; the base says whether a retry helps."""

from jobs.exceptions import NonRetryableError, RetryableError


class UrlRefused(NonRetryableError):
    """The URL is not one that may be fetched."""


class AddressRefused(NonRetryableError):
    """The host does not have a public address."""


class HostUnknown(NonRetryableError):
    """The host name does not exist."""


class CertificateRefused(NonRetryableError):
    """The certificate of the site cannot be trusted."""


class TooManyRedirects(NonRetryableError):
    """The page redirects too often."""


class PageRefused(NonRetryableError):
    """The site does not give out this page."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"The site answered {status} and does not give out this page.")


class WrongContent(NonRetryableError):
    """The answer is not a web page."""


class PageTooLarge(NonRetryableError):
    """The page is larger than what is read."""


class NoTextFound(NonRetryableError):
    """No readable text was found."""


class FetchFailed(RetryableError):
    """The page could not be fetched just now."""


class FetchTimedOut(FetchFailed):
    """The page did not arrive in time."""
