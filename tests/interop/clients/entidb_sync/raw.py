"""The vectors over the wire, byte for byte: what the server writes must be what the vectors have, but for its clock."""

from __future__ import annotations

from typing import Any

import cbor2
from entidb import wire
from entidb.token import mint
from entidb.transport import Transport
from entidb_sync.bench import Bench
from entidb_sync.vectors import VECTORS

DB, DEVICE = "production-db", "android-a92f1"


def vectors(bench: Bench) -> dict[str, Any]:
    transport = Transport(bench.url, mint(bench.secret, DB, DEVICE))

    def send(path: str, name: str) -> bytes:
        answer = transport.send("POST", path, VECTORS[name])
        return answer.content if answer.status_code == 200 else str(answer.status_code).encode()

    seen: dict[str, Any] = {name: wire.handshake_response(send("/v1/handshake", name)) for name in ("V01", "V02")}
    seen["V08"] = transport.post("/v1/pull", wire.pull_request(DB, 0)) == VECTORS["V08"]
    # A cursor above the head: nothing, and the cursor as it was.
    ahead = wire.pull_response(send("/v1/pull", "V05"))
    seen["V05"] = [len(ahead.ops), ahead.next_cursor, ahead.has_more]
    seen["V10"] = send("/v1/push", "V10") == VECTORS["V12"]
    # Its first operation is known by now, the second is new.
    seen["V11"] = wire.push_response(send("/v1/push", "V11")).acknowledged
    seen["V06"] = [op.entity for op in wire.pull_response(send("/v1/pull", "V06")).ops]
    seen["N01"], seen["N02"] = (send("/v1/handshake", name).decode() for name in ("N01", "N02"))
    # The same operation under the name that some documents have for it.
    seen["N03"] = send("/v1/push", "N03") == VECTORS["V12"]
    seen["V07"] = pulled(bench)
    seen["V13"], seen["V14"] = refused(transport, is_deleted=False), refused(transport, is_deleted=True)
    bare = Transport(bench.url, None).send("POST", "/v1/pull", VECTORS["V05"])
    seen["V15"] = bare.content == VECTORS["V15"]
    foreign = Transport(bench.url, mint(bench.secret, "tenant-b", DEVICE)).send("POST", "/v1/pull", VECTORS["V05"])
    seen["V18"] = foreign.content == VECTORS["V18"]
    return seen


def pulled(bench: Bench) -> bool:
    """The operation of V07, pushed by its device and pulled, with the cursor and the clock of the vector put in."""
    expected = cbor2.loads(VECTORS["V07"])
    op = wire.Operation.of(expected["ops"][0])
    ios = Transport(bench.url, mint(bench.secret, DB, op.device))
    ios.post("/v1/push", wire.push_request(DB, op.device, [op]))
    answer = ios.post("/v1/pull", wire.pull_request(DB, 0, 100, ["tasks"]))
    wire.pull_response(answer)
    plain = cbor2.loads(answer)
    plain["ops"] = [one for one in plain["ops"] if one["entityId"] == op.entity]
    plain["ops"][0] |= {"opId": op.op_id, "timestampMs": op.timestamp}
    plain["nextCursor"] = expected["nextCursor"]
    return cbor2.dumps(plain) == VECTORS["V07"]


def refused(transport: Transport, is_deleted: bool) -> bool:
    """The conflict of V13 or V14: what stands in its way is made first, and the clock of the vector put in."""
    name = "V14" if is_deleted else "V13"
    expected = cbor2.loads(VECTORS[name])["conflicts"][0]
    op = wire.Operation.of(expected["clientOp"])
    # Another device's state, so that nothing but its version stands in the way; and one entity for each vector.
    state = expected["serverState"]
    entity = op.entity if is_deleted else f"{op.entity}-live"
    kind, body = ("delete", None) if is_deleted else ("upsert", state["entityCbor"])
    op.entity = entity
    state_op = wire.Operation(1232, DB, DEVICE, op.collection, entity, kind, state["entityVersion"], body, 0)
    transport.post("/v1/push", wire.push_request(DB, DEVICE, [state_op]))
    accepted = wire.Operation(1233, DB, DEVICE, op.collection, "beside", "upsert", 1, b"\x01", 0)
    ops = [accepted, op] if is_deleted else [op]
    answer = transport.post("/v1/push", wire.push_request(DB, DEVICE, ops))
    wire.push_response(answer)
    plain = cbor2.loads(answer)
    conflict = plain["conflicts"][0]
    conflict["serverState"]["lastModified"] = state["lastModified"]
    conflict["entityId"] = conflict["clientOp"]["entityId"] = "task-42"
    return cbor2.dumps(plain) == VECTORS[name]
