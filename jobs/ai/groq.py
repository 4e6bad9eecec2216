from functools import lru_cache
from typing import Any, ClassVar

from jobs.ai.errors import understood, unreadable
from jobs.ai.language_model import LanguageModel, quiet, tokens
from jobs.ai.prompts import Prompt
from jobs.ai.providers import Answer
from jobs.ai.transport import BoundedTransport


class Groq(LanguageModel):
    """Models served by Groq, or by any server with OpenAI's chat completions, through Groq's own client."""

    name: ClassVar[str] = "groq"
    prefix: ClassVar[str] = "GROQ"
    package: ClassVar[str] = "groq"

    def ask(self, prompt: Prompt, within: float) -> Answer:
        """Ask for one chat completion."""
        sdk, client = _client(self._setting("API_KEY"), self._setting("BASE_URL"))
        from groq.types.chat import ChatCompletion

        with understood(sdk, self.name):
            # By its path: under the client's own one, /openai/v1/chat/completions, nobody but Groq answers.
            completion = client.post(
                "chat/completions",
                cast_to=ChatCompletion,
                body=self._body(prompt),
                options={"timeout": within, "max_retries": 0},
            )
            return self._answer(completion)

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [
                {"role": "system", "content": prompt.instructions},
                {"role": "user", "content": prompt.data},
            ],
            "max_completion_tokens": prompt.most_tokens,
            # Other models refuse it; these think for long about a short text without it.
            **({"reasoning_effort": "low"} if "gpt-oss" in self.model else {}),
        }

    def _answer(self, completion: Any) -> Answer:
        """Take the text out of whatever came: the client checks nothing."""
        choice = completion.choices[0]
        text, usage = choice.message.content, completion.usage
        if text is None:  # it calls a tool, though it was given none
            text = ""
        if not isinstance(text, str):
            raise unreadable(self.name)
        return Answer(
            text,
            input_tokens=tokens(getattr(usage, "prompt_tokens", None)),
            output_tokens=tokens(getattr(usage, "completion_tokens", None)),
            cut_off=choice.finish_reason == "length",
        )


@lru_cache(maxsize=4)
def _client(key: str, base_url: str) -> tuple[Any, Any]:
    """Make the client once; its library is heavy, so only processes that write summaries have it."""
    import groq
    import httpx

    http_client = httpx.Client(transport=BoundedTransport(httpx.Response), trust_env=False)  # type: ignore[arg-type]
    # What the client's own settings call the base has no path; other servers' bases end in /v1.
    base = base_url if base_url.endswith("/v1") else f"{base_url}/openai/v1"
    return quiet(groq), groq.Groq(api_key=key, base_url=base, max_retries=0, http_client=http_client)
