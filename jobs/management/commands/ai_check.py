from importlib.util import find_spec
from time import monotonic
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from jobs import conf
from jobs.ai.chain import MODELS
from jobs.ai.failures import ProviderError
from jobs.ai.language_model import LanguageModel
from jobs.ai.providers import Caller, Preferences

_TEXT: Final = (
    "Ekiden is a relay race over long distances, run on roads. Each runner hands over a sash to the next one. "
    "The first one was run in 1917 from Kyoto to Tokyo, over 508 kilometres and three days."
)


class Command(BaseCommand):
    """Ask every provider of summaries once, and say what it answers."""

    help = "Ask each provider of summaries that has a key for one short summary, and say what came of it."

    def handle(self, **given: Any) -> None:
        failed = [name for name in conf.ai_providers() if not self._tell(MODELS[name])]
        if failed:
            raise CommandError(f"No summary came from {' and '.join(failed)}.")

    def _tell(self, made: type[LanguageModel]) -> bool:
        if not conf.of_provider(made.prefix, "API_KEY"):
            self.stdout.write(f"{made.name}: not asked, there is no {made.prefix}_API_KEY")
            return True
        if find_spec(made.package) is None:
            self.stdout.write(f"{made.name}: the package {made.package} is not installed")
            return False
        return self._ask(made())

    def _ask(self, model: LanguageModel) -> bool:
        began = monotonic()
        try:
            answer = model.generate_summary(_TEXT, Preferences("short", "en"), caller=Caller())
        except ProviderError as error:
            self.stdout.write(f"{model.name}: {error.code}. {error}")
            return False
        cost = model.cost.of(answer.input_tokens, answer.output_tokens)
        tokens = f"{answer.input_tokens} + {answer.output_tokens} tokens"
        self.stdout.write(f"{model.name}: {model.model} answered in {monotonic() - began:.1f} s, {tokens}, ${cost:.6f}")
        self.stdout.write(f"  {answer.text}")
        return True
