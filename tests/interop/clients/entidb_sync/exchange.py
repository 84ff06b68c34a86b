"""Handshake, history, push, retry, conflict, filtered pull."""

from __future__ import annotations

from typing import Any

import cbor2
from entidb import wire
from entidb.engine import Cycle, EndlessPull
from entidb.lossy import LossyProxy
from entidb.resolver import RESOLVERS
from entidb_sync.bench import Bench, fill, until


def handshake(bench: Bench) -> dict[str, Any]:
    """Twice, before and after there is something; and what a second device is told."""
    writer = bench.device("writer")
    before = wire.handshake_response(writer.transport.post("/v1/handshake", wire.handshake_request(bench.db, "writer")))
    version = writer.transport.send("GET", "/v1/version").json()
    health = writer.transport.send("GET", "/health").status_code
    fill(bench, 3)
    request = wire.handshake_request(bench.db, "reader", {"os": "14"})
    after = wire.handshake_response(bench.transport("reader").post("/v1/handshake", request))
    return {"before": before, "new": after, "version": version, "health": health}


def history(bench: Bench) -> dict[str, Any]:
    """Three hundred operations, then a device that has none of them, then the same again."""
    writer = fill(bench, 300)
    reader = bench.device("reader")
    first = reader.sync()
    second = reader.sync()
    cursors = [op.op_id for op in reader.applied]
    return {
        "pulled": first.pulled,
        "pulls": first.pulls,
        "again": second.pulled,
        "againFrom": second.started_at,
        "dense": cursors[:300] == list(range(1, 301)),
        "same": reader.state() == writer.state(),
    }


def push(bench: Bench) -> dict[str, Any]:
    """Upserts and deletes, more than a batch; an untouched body; what another device makes of them."""
    writer = bench.device("writer")
    body = bytes.fromhex("bf6161f97e006162c1181eff")
    for number in range(250):
        writer.edit(f"e{number}", number)
    for number in range(0, 250, 5):
        writer.delete(f"e{number}", version=writer.clock() + 1)
    op = writer.edit("odd", None)
    op.body = writer.entities["tasks", "odd"] = body
    cycles = writer.sync_all()
    reader = bench.device("reader")
    reader.sync()
    odd = next((op for op in reader.applied if op.entity == "odd"), None)
    return {
        "cycles": cycles,
        "entities": len(reader.entities),
        "same": reader.state() == writer.state(),
        "untouched": odd is not None and odd.body == body,
        "stamped": all(op.timestamp > 1_600_000_000_000 for op in reader.applied),
    }


def retry(bench: Bench) -> dict[str, Any]:
    """The answer to a push is lost on its way; the client pushes again by itself."""
    proxy = LossyProxy(bench.url)
    writer = bench.device("writer", url=proxy.url)
    writer.sync()
    for number in range(5):
        writer.edit(f"e{number}", number)
    writer.engine.handshake()
    proxy.lose(1)
    did = Cycle()
    writer.engine.push(did)
    reader = bench.device("reader")
    reader.sync()
    return {
        "lost": proxy.lost,
        "retries": writer.transport.retries,
        "conflicts": len(did.conflicts),
        "acknowledged": did.acknowledged,
        "queued": len(writer.engine.queue.ops),
        "log": len(reader.applied),
    }


def reused_numbers(bench: Bench) -> dict[str, Any]:
    """A restart hands numbers out again: the operations are new all the same."""
    writer = bench.device("writer")
    for number in range(3):
        writer.edit(f"e{number}", number)
    writer.sync()
    writer.engine.log.last = 0
    writer.engine.local_cursor = 0
    writer.edit("e0", "new", version=writer.clock() + 5)
    writer.edit("other", "new")
    writer.sync()
    # Its pull came before its push, and put the old state over the new one until the next.
    writer.sync()
    reader = bench.device("reader")
    reader.sync()
    return {"queued": len(writer.engine.queue.ops), "same": reader.state() == writer.state()}


def conflict(bench: Bench) -> dict[str, Any]:
    """Two devices on one entity, with each resolver; the loser also against a deleted entity."""
    seen: dict[str, Any] = {}
    for name, resolver in RESOLVERS.items():
        one, other = bench.device(f"one-{name}"), bench.device(f"other-{name}", resolver=resolver)
        one.edit(name, "one", version=20)
        one.sync()
        other.edit(name, "other", version=10)
        did = other.sync()
        first = did.conflicts[0] if did.conflicts else None
        reader = bench.device(f"reader-{name}")
        reader.engine.pull(Cycle())
        seen[name] = {
            "conflicts": len(did.conflicts),
            "acknowledged": did.acknowledged,
            "serverVersion": first and first.server_version,
            "serverBody": first and cbor2.loads(first.server_body),
            "winner": cbor2.loads(reader.entities["tasks", name]),
        }
    one.delete("gone", version=20)
    one.sync()
    other.edit("gone", "late", version=10)
    did = other.sync()
    seen["deleted"] = [one.server_body.hex() for one in did.conflicts if one.op.entity == "gone"]
    return seen


def filtered(bench: Bench) -> dict[str, Any]:
    """A device that wants one collection, of which nothing stands in the first pages."""
    fill(bench, 250)
    notes = fill(bench, 5, "notes-writer", "notes")
    fill(bench, 150, "late-writer", "late")
    reader = bench.device("reader", collections=["notes"], pulls_max=20)
    did = Cycle()
    try:
        reader.engine.pull(did)
    except EndlessPull as error:
        return {"endless": str(error)}
    later = bench.device("later", collections=["notes"], pulls_max=20)
    wanted = {key: value for key, value in notes.state().items() if key.startswith("notes/")}
    both = bench.device("both", collections=["notes", "late"])
    both.sync()
    return {
        "pulled": did.pulled,
        "pulls": did.pulls,
        "cursor": reader.engine.cursor,
        "same": reader.state() == wanted,
        "later": later.sync().pulled,
        "both": len(both.entities),
    }


def meet(bench: Bench) -> dict[str, Any]:
    """A device that comes to a database in which others were: it pulls, edits two entities and deletes one."""
    device = bench.device("dart")
    first = device.sync()
    device.edit("by-both", "dart", "c", version=device.clock() + 1_000)
    device.edit("by-dart", "dart", "c")
    device.delete("gone", "c", version=device.clock() + 1_000)
    cycles = device.sync_all()
    device.sync()
    return {"pulled": first.pulled, "cycles": cycles, "state": device.state()}


def events_replay(bench: Bench) -> dict[str, Any]:
    """A listener goes away, misses three operations, and comes back with the last id it saw."""
    writer = fill(bench, 2)
    listener = bench.listener("listener")
    connected = listener.wait_for(lambda heard: heard.is_connected)
    writer.edit("live", "first")
    writer.sync()
    live = listener.wait_for(lambda heard: any(op["entityId"] == "live" for op in heard.operations()))
    last_id = listener.last_id
    listener.close()
    for number in range(3):
        writer.edit(f"missed{number}", number)
    writer.sync()
    back = bench.listener("listener", last_id=last_id)
    back.wait_for(lambda heard: len(heard.operations()) >= 3)
    writer.edit("after", "last")
    writer.sync()
    back.wait_for(lambda heard: any(op["entityId"] == "after" for op in heard.operations()))
    names = [op["entityId"] for op in back.operations()]
    bodies = [op for event in (listener, back) for op in event.operations() if "entityCbor" in op]
    first = back.events[0].kind if back.events else None
    broken = listener.parser.broken + back.parser.broken
    back.close()
    return {
        "connected": connected,
        "live": live,
        "lastId": last_id,
        "first": first,
        "replayed": names,
        "bodies": len(bodies),
        "broken": broken,
    }


def websocket(bench: Bench) -> dict[str, Any]:
    """Push, pull and operations of others, over a socket that logs in with what stands in its URL."""
    from entidb.websocket import plain

    fill(bench, 2)
    socket = bench.socket("socket-device")
    subscribed = socket.wait_for(lambda message: message["type"] == "subscribed")
    pulled = socket.ask("pull", {"sinceCursor": 0, "limit": 100})
    other = bench.device("socket-device")
    op = other.edit("by-socket", {"by": "socket"})
    pushed = socket.ask("push", {"operations": [plain(op)]})
    again = socket.ask("push", {"operations": [plain(op)]})
    stale = bench.device("socket-device").edit("e0", "stale", version=1)
    stale.op_id = 9
    refused = socket.ask("push", {"operations": [plain(stale)]})
    fill(bench, 1, "third", "third")
    live = socket.wait_for(
        lambda message: message["type"] == "operations"
        and any(one["deviceId"] == "third" for one in message["data"]["operations"])
    )
    unknown = socket.ask("nonsense", {})
    socket.ping()
    pong = socket.wait_for(lambda message: message["type"] == "pong")
    # What it acknowledged is where it stands: a handshake of that device begins there.
    cursor = live["data"]["cursor"] if live else None
    request = wire.handshake_request(bench.db, "socket-device")
    resumed = until(
        lambda: wire.handshake_response(bench.transport("socket-device").post("/v1/handshake", request)) == cursor
    )
    open_still = socket.close_code is None
    socket.close()
    return {
        "subscribed": bool(subscribed and subscribed["data"]["connectionId"].startswith("ws-")),
        "pulled": pulled and [one["entityId"] for one in pulled["data"]["operations"]],
        "body": pulled and pulled["data"]["operations"][0]["entityCbor"],
        "pushed": pushed and pushed["data"],
        "again": again and again["data"],
        "refused": refused and refused["data"],
        "live": bool(live and live["data"]["operations"][0].get("entityCbor")),
        "unknown": unknown and unknown["data"]["code"],
        "pong": bool(pong and pong["data"]["serverTime"]),
        "resumed": resumed,
        "open": open_still,
    }
