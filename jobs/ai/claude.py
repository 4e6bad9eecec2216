from functools import lru_cache
from typing import Any, ClassVar, Final

from jobs.ai.errors import understood, unreadable
from jobs.ai.language_model import LanguageModel, quiet, tokens
from jobs.ai.prompts import Prompt
from jobs.ai.providers import Answer
from jobs.ai.transport import BoundedTransport

#: Models that think unless they are told not to, and may be told so. For a summary it takes more time than it is worth.
_MAY_NOT_THINK: Final = ("claude-haiku-5", "claude-sonnet-5")


class Claude(LanguageModel):
    """Claude by Anthropic, or any server with its messages, through Anthropic's own client."""

    name: ClassVar[str] = "claude"
    prefix: ClassVar[str] = "ANTHROPIC"
    package: ClassVar[str] = "anthropic"

    def ask(self, prompt: Prompt, within: float) -> Answer:
        """Ask for one message."""
        sdk, client = _client(self._setting("API_KEY"), self._setting("BASE_URL"))
        with understood(sdk, self.name):
            message = client.messages.create(
                model=self.model,
                system=prompt.instructions,
                messages=[{"role": "user", "content": prompt.data}],
                max_tokens=prompt.most_tokens,
                timeout=within,
                **({"thinking": {"type": "disabled"}} if self.model.startswith(_MAY_NOT_THINK) else {}),
            )
            return self._answer(message)

    def _answer(self, message: Any) -> Answer:
        """Take the text out of whatever came: the client checks nothing."""
        # Some blocks are thoughts, or tools that it calls though it was given none.
        texts = [block.text for block in message.content if block.type == "text"]
        if message.stop_reason == "refusal":
            texts = []
        if not all(isinstance(text, str) for text in texts):
            raise unreadable(self.name)
        usage = message.usage
        read = [getattr(usage, f"{kind}input_tokens", None) for kind in ("", "cache_creation_", "cache_read_")]
        return Answer(
            "".join(texts),
            input_tokens=sum(map(tokens, read)),
            output_tokens=tokens(getattr(usage, "output_tokens", None)),
            cut_off=message.stop_reason in {"max_tokens", "model_context_window_exceeded"},
        )


@lru_cache(maxsize=4)
def _client(key: str, base_url: str) -> tuple[Any, Any]:
    """Make the client once; its library is heavy, so only processes that write summaries have it."""
    import anthropic
    import httpx2

    http_client = httpx2.Client(transport=BoundedTransport(httpx2.Response), trust_env=False)  # type: ignore[arg-type]
    return quiet(anthropic), anthropic.Anthropic(
        api_key=key,
        # Some servers' bases are given with the path that the client adds by itself.
        base_url=base_url.removesuffix("/v1"),
        max_retries=0,
        http_client=http_client,
        # Its traces are not ours to send; what a call took is recorded.
        open_telemetry=False,
    )
