"""What Ekiden asks of a search engine: a dozen calls that Elasticsearch 8 and 9 and OpenSearch 2 and 3 have alike."""

import gzip
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from jobs.search.engine import answers
from jobs.search.engine.failures import NotFound, Refused
from jobs.search.engine.hosts import Answer, Request
from jobs.search.engine.operations import ItemResult, Operation, bulk_body, encode, writes
from jobs.search.engine.products import Product, product_of
from jobs.search.engine.transport import Transport

#: Seconds that a call may take in all.
_SHORT: Final = 5.0
_LONG: Final = 30.0
_REFRESH: Final = 60.0
#: Larger bulks are compressed.
_WORTH_PACKING: Final = 65_536
# While a shard is away the engine would wait for a minute; so it says so item by item before we have given up.
_BULK: Final = "/_bulk?require_alias=true&timeout=10s"
#: An index or an alias, never a pattern that could mean others.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")


class Engine:
    """The search engine, at all its hosts. Threads may share it.

    Every call raises an EngineError: EngineAway, and Nonsense among them, where another try may succeed.
    """

    def __init__(self, urls: Sequence[str], api_key: str = "", ca_certs: str = "", timeout: float = 2.0) -> None:
        self._transport = Transport(urls, api_key, ca_certs)
        self._timeout = timeout

    @property
    def addresses(self) -> list[str]:
        """Where it is, without passwords."""
        return [str(host) for host in self._transport.hosts]

    def close(self) -> None:
        """Close the connections that are kept open; calls open new ones."""
        self._transport.close()

    def info(self) -> Product:
        """Tell which engine this is; raises Refused when it is not one that will do."""
        return product_of(answers.document(self._get("/")))

    def create_index(self, name: str, body: dict[str, Any]) -> None:
        """Make an index, and the alias that bulk() writes to it by.

        Raises Refused (resource_already_exists_exception) when it is there, also when it is because an earlier call's
        answer was lost.
        """
        try:
            self._create(name, body)
        except Refused as exc:
            if exc.kind != "invalid_alias_name_exception":
                raise
            # A deletion by version may make the index that it does not find, whatever is required of its name.
            self.delete_index(writes(name))
            self._create(name, body)

    def delete_index(self, name: str) -> None:
        """Delete an index; one that is not there is as good."""
        try:
            answers.acknowledged(self._send("DELETE", f"/{_checked(name)}"))
        except NotFound:
            return

    def index_exists(self, name: str) -> bool:
        answer = self._transport.ask(Request("HEAD", f"/{_checked(name)}"), _SHORT)
        if answer.status not in {200, 404}:
            raise answers.failure(answer)
        return answer.status == 200

    def indexes(self, prefix: str) -> list[str]:
        """Name the indexes whose names begin so."""
        found = answers.objects(answers.document(self._get(f"/{_checked(prefix)}*/_alias")))
        return sorted(name for name in found if name.startswith(prefix))

    def mapping(self, name: str) -> dict[str, Any]:
        """Give the mapping that an index has."""
        found = answers.objects(answers.document(self._get(f"/{_checked(name)}/_mapping")))
        mapping = found.get(name, {}).get("mappings")
        return mapping if isinstance(mapping, dict) else {}

    def change_settings(self, name: str, settings: dict[str, Any]) -> None:
        """Change settings of an index that may change while it is there, such as refresh_interval."""
        answers.acknowledged(self._send("PUT", f"/{_checked(name)}/_settings", {"index": settings}))

    def aliases(self, alias: str) -> list[str]:
        """Name the indexes that an alias stands for."""
        try:
            found = answers.document(self._get(f"/_alias/{_checked(alias)}"))
        except NotFound:
            return []
        return sorted(answers.objects(found))

    def move_alias(self, alias: str, to: str, away_from: Sequence[str] = ()) -> None:
        """Have an alias stand for this index and no longer for those, in one step that searches cannot fall between.

        To do it again does no harm: it only changes what is not so yet.
        """
        now = self.aliases(alias)
        actions: list[dict[str, Any]] = [
            {"remove": {"index": name, "alias": alias}} for name in now if name in away_from and name != to
        ]
        if to not in now:
            actions.append({"add": {"index": _checked(to), "alias": alias}})
        if actions:
            answers.acknowledged(self._send("POST", "/_aliases", {"actions": actions}, repeatable=False))

    def drop_alias(self, alias: str) -> None:
        """Have an alias stand for nothing; the indexes stay. To do it again does no harm."""
        if actions := [{"remove": {"index": name, "alias": alias}} for name in self.aliases(alias)]:
            answers.acknowledged(self._send("POST", "/_aliases", {"actions": actions}, repeatable=False))

    def bulk(self, operations: Sequence[Operation]) -> list[ItemResult]:
        """Write documents, and tell of each what became of it, in the same order.

        A later version that is there wins. When no answer came, any of them may have been written; they may be sent
        again as they are.
        """
        if not operations:
            return []
        headers = {"Content-Type": "application/x-ndjson"}
        body = bulk_body(operations)
        if len(body) > _WORTH_PACKING:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        answer = self._transport.ask(Request("POST", _BULK, body, headers), _LONG)
        return answers.items(answers.document(answer), operations)

    def search(self, index: str, body: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Search an index or alias; every shard's answer is in it, or it raises EngineAway.

        What is sure of the answer: `hits.hits` is a list of objects with an `_id`, and `hits.total`, where there is
        one, has a `value`. It may be stale, and about anything else it may be wrong.
        """
        seconds = self._timeout if timeout is None else timeout
        # The engine itself gives up a little earlier, so that it does not go on for nobody.
        asked = {"timeout": f"{max(int(seconds * 900), 1)}ms", **body}
        path = f"/{_checked(index)}/_search?allow_partial_search_results=false"
        found = answers.hits(answers.whole(answers.document(self._send("POST", path, asked, seconds=seconds))))
        answers.aggregations(found, body)
        return found

    def count(self, index: str) -> int:
        """Count the documents that searches find."""
        found = answers.whole(answers.document(self._get(f"/{_checked(index)}/_count", _LONG)))
        return answers.number(found, "count")

    def refresh(self, index: str) -> None:
        """Have searches find what has been written."""
        answers.whole(answers.document(self._send("POST", f"/{_checked(index)}/_refresh", seconds=_REFRESH)))

    def health(self, index: str) -> str:
        """Tell how an index is: green, yellow (without its replicas) or red (shards are away, or it is not there)."""
        answer = self._get(f"/_cluster/health/{_checked(index)}?timeout=0s")
        # 408: it waited for what has not come; the answer says what there is.
        whole = Answer(200, answer.headers, answer.body) if answer.status == 408 else answer
        return answers.health(answers.document(whole))

    def _create(self, name: str, body: dict[str, Any]) -> None:
        aliases = {**body.get("aliases", {}), writes(_checked(name)): {}}
        answers.acknowledged(self._send("PUT", f"/{name}", {**body, "aliases": aliases}, repeatable=False))

    def _get(self, path: str, seconds: float = _SHORT) -> Answer:
        return self._transport.ask(Request("GET", path), seconds)

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        seconds: float = _LONG,
        repeatable: bool = True,
    ) -> Answer:
        content = None if body is None else encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._transport.ask(Request(method, path, content, headers, repeatable), seconds)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an index.")
    return quote(name)
