"""The messages as plain CBOR maps, read as strictly as the Dart client reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2

KINDS = ("upsert", "delete")


class WireError(Exception):
    """An answer on which the Dart client throws, or that is not in the form that the wire prescribes."""


@dataclass
class Operation:
    op_id: int
    db: str
    device: str
    collection: str
    entity: str
    kind: str
    version: int
    body: bytes | None
    timestamp: int

    def plain(self) -> dict[str, Any]:
        plain = {
            "opId": self.op_id,
            "dbId": self.db,
            "deviceId": self.device,
            "collection": self.collection,
            "entityId": self.entity,
            "opType": self.kind,
            "entityVersion": self.version,
        }
        if self.body is not None:
            plain["entityCbor"] = self.body
        plain["timestampMs"] = self.timestamp
        return plain

    @staticmethod
    def of(plain: dict[str, Any]) -> Operation:
        kind = need(plain, "opType", str)
        if kind not in KINDS:
            raise WireError(f"opType {kind}")
        return Operation(
            op_id=need(plain, "opId", int),
            db=need(plain, "dbId", str),
            device=need(plain, "deviceId", str),
            collection=need(plain, "collection", str),
            entity=need(plain, "entityId", str),
            kind=kind,
            version=need(plain, "entityVersion", int),
            body=may(plain, "entityCbor", bytes),
            timestamp=need(plain, "timestampMs", int),
        )


@dataclass
class Conflict:
    op: Operation
    server_version: int
    server_body: bytes
    last_modified: int | None


@dataclass
class Pulled:
    ops: list[Operation]
    next_cursor: int
    has_more: bool


@dataclass
class Pushed:
    acknowledged: int
    conflicts: list[Conflict]


def handshake_request(db: str, device: str, metadata: dict[str, str] | None = None) -> bytes:
    info: dict[str, Any] = {"platform": "android", "appVersion": "1.2.3"}
    if metadata is not None:
        info["metadata"] = metadata
    return cbor2.dumps({"dbId": db, "deviceId": device, "clientInfo": info})


def pull_request(db: str, since: int, limit: int = 100, collections: list[str] | None = None) -> bytes:
    plain: dict[str, Any] = {"dbId": db, "sinceCursor": since, "limit": limit}
    if collections is not None:
        plain["collections"] = collections
    return cbor2.dumps(plain)


def push_request(db: str, device: str, ops: list[Operation]) -> bytes:
    return cbor2.dumps({"dbId": db, "deviceId": device, "ops": [op.plain() for op in ops]})


def handshake_response(encoded: bytes) -> int:
    plain = strict(encoded)
    for name in ("pull", "push", "sse"):
        may(need(plain, "capabilities", dict), name, bool)
    may(plain, "sessionToken", str)
    return need(plain, "serverCursor", int)


def pull_response(encoded: bytes) -> Pulled:
    plain = strict(encoded)
    ordered(plain, "ops", "nextCursor", "hasMore")
    ops = need(plain, "ops", list)
    for op in ops:
        ordered_operation(op)
    return Pulled([Operation.of(op) for op in ops], need(plain, "nextCursor", int), need(plain, "hasMore", bool))


def push_response(encoded: bytes) -> Pushed:
    plain = strict(encoded)
    ordered(plain, "acknowledgedUpToOpId", "conflicts")
    return Pushed(need(plain, "acknowledgedUpToOpId", int), [conflict(one) for one in need(plain, "conflicts", list)])


def conflict(plain: dict[str, Any]) -> Conflict:
    ordered(plain, "collection", "entityId", "clientOp", "serverState")
    state = need(plain, "serverState", dict)
    # The Dart client throws on null here: a deleted entity has an empty string.
    body = need(state, "entityCbor", bytes)
    ordered_operation(need(plain, "clientOp", dict))
    op = Operation.of(plain["clientOp"])
    if (op.collection, op.entity) != (need(plain, "collection", str), need(plain, "entityId", str)):
        raise WireError("a conflict names another entity than its operation")
    return Conflict(op, need(state, "entityVersion", int), body, may(state, "lastModified", int))


def error_response(encoded: bytes) -> dict[str, Any]:
    plain = strict(encoded)
    need(plain, "code", int)
    need(plain, "message", str)
    return plain


def strict(encoded: bytes) -> dict[str, Any]:
    """One map; definite lengths, shortest heads and no tags, or it would not be the same when written anew."""
    plain = cbor2.loads(encoded)
    if not isinstance(plain, dict) or any(not isinstance(key, str) for key in plain):
        raise WireError("not a map with text keys")
    if cbor2.dumps(plain) != encoded:
        raise WireError("not in the strict form")
    return plain


def ordered_operation(plain: dict[str, Any]) -> None:
    names = ["opId", "dbId", "deviceId", "collection", "entityId", "opType", "entityVersion"]
    body = ["entityCbor"] if "entityCbor" in plain else []
    ordered(plain, *names, *body, "timestampMs")


def ordered(plain: dict[str, Any], *names: str) -> None:
    if list(plain)[: len(names)] != list(names):
        raise WireError(f"keys {list(plain)} instead of {list(names)}")


def need(plain: dict[str, Any], name: str, kind: type) -> Any:
    value = may(plain, name, kind)
    if value is None:
        raise WireError(f"no {name} in {list(plain)}")
    return value


def may(plain: dict[str, Any], name: str, kind: type) -> Any:
    value = plain.get(name)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise WireError(f"{name} is {type(value).__name__}")
    return value
