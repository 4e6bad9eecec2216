"""What is wrong with a query, and where."""


class QueryError(Exception):
    """A query that cannot be answered; for whoever typed it.

    `code` is stable: syntax, unknown-field, bad-value, not-allowed, too-long, too-complex, unsupported-in-fallback.
    """

    def __init__(self, code: str, message: str, position: int | None = None, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        #: Of the first character that it is about, from 0; None when it is about the whole.
        self.position = position
        #: Names that may have been meant.
        self.suggestions = suggestions
