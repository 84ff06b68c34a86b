"""The sync cycle, with its quirks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from entidb import wire
from entidb.queue import LocalLog, Queue
from entidb.resolver import Resolver, server_wins
from entidb.transport import Transport
from entidb.wire import Operation

PAGE = 100
BATCH = 100


class EndlessPull(Exception):
    """The one thing the Dart client does not do: stop asking."""


@dataclass
class Cycle:
    """What one cycle did."""

    started_at: int = 0
    pulled: int = 0
    pulls: int = 0
    pushed: int = 0
    acknowledged: int = 0
    conflicts: list[wire.Conflict] = field(default_factory=list)


class Engine:
    """One device's way to the server."""

    def __init__(
        self,
        transport: Transport,
        db: str,
        device: str,
        apply: Callable[[Operation], None],
        resolver: Resolver = server_wins,
        collections: list[str] | None = None,
        pulls_max: int = 2000,
    ) -> None:
        self.transport = transport
        self.db = db
        self.device = device
        self.apply = apply
        self.resolver = resolver
        self.collections = collections
        self.pulls_max = pulls_max
        self.queue = Queue()
        self.log = LocalLog()
        self.cursor = 0
        self.local_cursor = 0
        self.metadata: dict[str, str] | None = None

    def cycle(self) -> Cycle:
        did = Cycle()
        self.handshake()
        did.started_at = self.cursor
        self.pull(did)
        self.push(did)
        return did

    def handshake(self) -> None:
        """Takes the server's word for where it stands, whatever it had before."""
        request = wire.handshake_request(self.db, self.device, self.metadata)
        self.cursor = wire.handshake_response(self.transport.post("/v1/handshake", request))

    def pull(self, did: Cycle) -> None:
        while True:
            request = wire.pull_request(self.db, self.cursor, PAGE, self.collections)
            page = wire.pull_response(self.transport.post("/v1/pull", request))
            did.pulls += 1
            for op in page.ops:
                self.apply(op)
            did.pulled += len(page.ops)
            self.cursor = page.next_cursor
            if not page.has_more:
                return
            if did.pulls >= self.pulls_max:
                raise EndlessPull(f"{did.pulls} pulls and still more after cursor {self.cursor}")

    def push(self, did: Cycle) -> None:
        """One batch. What the resolver gives is pushed alone, and what comes of it is not looked at."""
        batch = self.queue.pending(self.local_cursor, BATCH)
        if not batch:
            return
        answer = self.send(batch)
        did.pushed, did.acknowledged, did.conflicts = len(batch), answer.acknowledged, answer.conflicts
        for conflict in answer.conflicts:
            resolved = self.resolver(conflict)
            if resolved is not None:
                self.send([resolved])
        if answer.acknowledged > 0:
            self.local_cursor = answer.acknowledged
            self.log.acknowledged(answer.acknowledged)
        if len(batch) > len(answer.conflicts):
            self.queue.drop_to(answer.acknowledged)

    def send(self, ops: list[Operation]) -> wire.Pushed:
        request = wire.push_request(self.db, self.device, ops)
        return wire.push_response(self.transport.post("/v1/push", request))
