"""The values of a field that the search engine knows, of all jobs."""

from functools import partial
from typing import Any

from jobs.search.asking import Asked
from jobs.search.engine import link
from jobs.search.engine.failures import EngineError
from jobs.search.language.fields import Field
from jobs.search.language.tree import ANY, Has, Like


def engine_values(field: Field, beginning: str, user: Any) -> list[str] | None:
    """Give those that begin just so, the most frequent first; None where there is no engine that answers."""
    engine, circuit = link.engine(), link.circuit()
    if engine is None or circuit is None:
        return None
    from jobs.search.by_engine import ask

    tree = Like(field, (beginning, ANY)) if beginning else Has(field)
    asked = Asked(tree, limit=1, facets=(field.name,))
    owner = None if user.is_staff else user.pk
    try:
        hits = circuit.run(partial(ask, engine, asked, tree, owner, None, 1, counting=True))
    except EngineError:
        # Whoever types goes on typing; a search would say what is wrong.
        return None
    return [str(value) for value, _ in hits.facets[field.name].values]
