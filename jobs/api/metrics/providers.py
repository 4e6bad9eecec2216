"""What providers of summaries were asked, what they cost, and whether they may be asked at present."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import Max
from django.db.models.functions import Now
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from jobs import conf
from jobs.models import DailySpend, ProviderDay, ProviderState


def metrics() -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "ekiden_provider_calls", "Requests to providers, by outcome.", labels=["provider", "outcome"]
    )
    sums: dict[str, dict[str, float]] = {
        name: defaultdict(float) for name in ("fallbacks", "input", "output", "cost", "seconds")
    }
    for row in ProviderDay.objects.totals():
        provider = row["provider"]
        calls.add_metric([provider, row["outcome"]], row["all_calls"])
        sums["fallbacks"][provider] += row["all_fallbacks"]
        sums["input"][provider] += row["all_input_tokens"]
        sums["output"][provider] += row["all_output_tokens"]
        sums["cost"][provider] += float(row["all_cost"])
        sums["seconds"][provider] += row["all_seconds"]
    yield calls
    yield _by_provider("ekiden_provider_fallbacks", "Times that the next provider was asked.", sums["fallbacks"])
    yield _by_provider("ekiden_provider_cost_dollars", "US dollars that calls cost.", sums["cost"])
    yield _by_provider("ekiden_provider_call_seconds", "How long calls took together.", sums["seconds"])
    tokens = CounterMetricFamily("ekiden_provider_tokens", "Tokens that calls took.", labels=["provider", "direction"])
    for direction in ("input", "output"):
        for provider, count in sorted(sums[direction].items()):
            tokens.add_metric([provider, direction], count)
    yield tokens
    yield _circuits()
    yield from _spending()


def _by_provider(name: str, text: str, values: dict[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["provider"])
    for provider, value in sorted(values.items()):
        family.add_metric([provider], value)
    return family


def _circuits() -> Metric:
    family = GaugeMetricFamily(
        "ekiden_provider_circuit_open", "1 while a provider is not asked, because it failed.", labels=["provider"]
    )
    states = ProviderState.objects.order_by("name").annotate(now=Now())
    for state in states:
        family.add_metric([state.name], int(state.open_until is not None and state.open_until > state.now))
    return family


def _spending() -> Iterator[Metric]:
    today = DailySpend.objects.filter(day=datetime.now(UTC).date()).order_by()
    most = today.aggregate(most=Max("amount"))["most"] or 0
    yield GaugeMetricFamily(
        "ekiden_provider_spend_of_one_user_dollars", "The most that a user has spent today (UTC).", value=float(most)
    )
    yield GaugeMetricFamily(
        "ekiden_provider_spend_limit_dollars",
        "What a user may spend in a day; 0 is no limit.",
        value=float(conf.ai_daily_spend_limit()),
    )
