"""What can go wrong with speech. The docstring is the message; the base says whether a retry helps."""

from jobs.exceptions import NonRetryableError, RetryableError


class NoEngine(NonRetryableError):
    """There is nothing to speak with: install espeak-ng on the workers' hosts, or set SPEECH_BASE_URL."""


class VoiceMissing(NonRetryableError):
    """There is no such voice."""


class NothingToSay(NonRetryableError):
    """The text has nothing in it that can be spoken."""


class SpeechRefused(NonRetryableError):
    """The speech server does not take the request."""


class AudioTooLarge(NonRetryableError):
    """The audio is larger than what is kept."""


class SpeechFailed(RetryableError):
    """The script could not be spoken just now."""


class SpeechTimedOut(SpeechFailed):
    """The script was not spoken in time."""


class UnusableAudio(SpeechFailed):
    """What came back is no audio that can be kept."""
