"""Having traces made in this process, and sent before it ends."""

import atexit
import logging
import threading
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Final

from config.telemetry import installed
from jobs import tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_logger = logging.getLogger(__name__)

#: What the last spans of a process get: a collector that hangs must not keep it from ending.
CLOSE_SECONDS: Final = 5.0
#: Only these make traces: commands come and go, and would wait for the collector at their end.
KINDS: Final = ("web", "worker")


def start(kind: str, exporter: str, service_name: str) -> None:
    """Make traces in a process of this kind, if it is one that does and the SDK is installed."""
    if kind not in KINDS:
        return
    if not installed():
        _logger.warning("OTEL_* asks for traces, and the extra `telemetry` is not installed: none are made")
        return
    from opentelemetry import trace

    from config.telemetry.tracer import OpenTelemetryTracer

    provider = trace.get_tracer_provider()
    closing: Closing | None = None
    # Whoever runs us under opentelemetry-instrument has made one, and looks after it.
    if isinstance(provider, trace.ProxyTracerProvider):
        provider = own = made(service_name or f"ekiden-{kind}", exporter_of(exporter))
        trace.set_tracer_provider(own)
        closing = Closing(own)
    tracing.use(OpenTelemetryTracer(provider, closing.close if closing else lambda: None))


def made(service_name: str, exporter: "SpanExporter") -> "TracerProvider":
    """Make a provider that sends in batches, from a thread of its own; the SDK reads its OTEL_* for all else."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service_name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def exporter_of(name: str) -> "SpanExporter":
    """Make the exporter that OTEL_TRACES_EXPORTER names."""
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


class Closing:
    """Sends what is left at the end of a process, which waits for it only so long."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._wanted = threading.Event()
        # Begun now: at its end an interpreter starts no threads any more.
        self._thread = threading.Thread(target=self._run, name="telemetry-closing", daemon=True)
        self._thread.start()
        # A process that multiprocessing made ends without atexit's functions, and others without these.
        Finalize(None, self.close, exitpriority=50)
        atexit.register(self.close)

    def close(self) -> None:
        self._wanted.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        self._wanted.wait()
        self._provider.shutdown()
