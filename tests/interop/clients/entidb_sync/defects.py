"""What goes wrong with the original server (D1 to D15): the same steps show the disease there and the cure here."""

from __future__ import annotations

import json
from typing import Any

from entidb import wire
from entidb.engine import Cycle
from entidb.resolver import client_wins, server_wins
from entidb_sync.bench import Bench, fill, until


def one_millisecond(bench: Bench) -> dict[str, Any]:
    """D4: two edits of one entity in one millisecond, so with one version."""
    writer = bench.device("writer", clock=lambda: 1_702_569_600_000)
    writer.edit("e", "first")
    writer.edit("e", "second")
    did = writer.sync()
    reader = bench.device("reader")
    reader.sync()
    return {"conflicts": len(did.conflicts), "queued": len(writer.engine.queue.ops), "same": reader.state() == writer.state()}


def client_wins_loop(bench: Bench) -> dict[str, Any]:
    """D5: one edit behind the server's version, with a resolver that insists; twenty cycles."""
    one = bench.device("one")
    one.edit("e", "theirs", version=100)
    one.sync()
    other = bench.device("other", resolver=client_wins)
    other.edit("e", "mine", version=50)
    for _ in range(20):
        other.sync()
    reader = bench.device("reader")
    did = Cycle()
    reader.engine.pull(did)
    last = reader.state().get("tasks/e")
    return {"log": reader.engine.cursor, "queued": len(other.engine.queue.ops), "wins": last == other.state()["tasks/e"]}


def tail_conflict(bench: Bench) -> dict[str, Any]:
    """D6: an operation that is refused for good, at the head of the queue, with a resolver that gives in."""
    one = bench.device("one")
    for number in range(100):
        one.edit(f"e{number}", "theirs", version=100)
    one.sync_all()
    other = bench.device("other", resolver=server_wins)
    for number in range(100):
        other.edit(f"e{number}", "mine", version=50)
    other.edit("behind", "mine")
    first = other.sync()
    for _ in range(5):
        other.sync()
    reader = bench.device("reader")
    reader.engine.pull(Cycle())
    return {
        "conflicts": len(first.conflicts),
        "acknowledged": first.acknowledged,
        "queued": len(other.engine.queue.ops),
        "behind": "tasks/behind" in reader.state(),
    }


def tenants(bench: Bench) -> dict[str, Any]:
    """D7: what a token of one database sees of another, and what it can do there."""
    ours, theirs = "tenant-a", "tenant-b"
    fill(bench, 3, "a-device", "secret-a", db=ours)
    spy = bench.device("b-device", db=theirs)
    spy.engine.pull(Cycle())
    seen = [op.entity for op in spy.applied if op.db == ours or op.collection == "secret-a"]
    # Its own token, the other's database in the body.
    pull = spy.transport.send("POST", "/v1/pull", wire.pull_request(ours, 0))
    handshake = spy.transport.send("POST", "/v1/handshake", wire.handshake_request(ours, "b-device"))
    op = spy.edit("intruder", "b", version=2_000_000_000_000)
    op.db = ours
    push = spy.transport.send("POST", "/v1/push", wire.push_request(ours, "b-device", [op]))
    smuggled = spy.transport.send("POST", "/v1/push", wire.push_request(theirs, "b-device", [op]))
    op.db, op.device = theirs, "c-device"
    as_other = spy.transport.send("POST", "/v1/push", wire.push_request(theirs, "c-device", [op]))
    in_op = spy.transport.send("POST", "/v1/push", wire.push_request(theirs, "b-device", [op]))
    entity = bench.device("c-device", db=theirs)
    collided = entity.edit("e0", "b", "secret-a", version=1)
    own = entity.transport.send("POST", "/v1/push", wire.push_request(theirs, "c-device", [collided]))
    return {
        "seen": seen,
        "statuses": {
            "pull": pull.status_code,
            "handshake": handshake.status_code,
            "push": push.status_code,
            "smuggled": smuggled.status_code,
            "asOther": as_other.status_code,
            "inOp": in_op.status_code,
        },
        "conflictsOfOwn": len(wire.push_response(own.content).conflicts) if own.status_code == 200 else None,
    }


def echo_storm(bench: Bench) -> dict[str, Any]:
    """D8: two devices whose applied operations come out of their local logs again; one edit, eight rounds."""
    now = [1_702_569_600_000]

    def clock() -> int:
        now[0] += 7
        return now[0]

    one, other = (bench.device(name, echo=True, clock=clock) for name in ("one", "other"))
    one.edit("e", {"title": "only once"})
    heads = []
    for _ in range(8):
        for device in (one, other):
            # Without the handshake, which on the original would hide everything from both (D1).
            device.engine.pull(Cycle())
            device.engine.push(Cycle())
        reader = bench.device("reader")
        reader.engine.pull(Cycle())
        heads.append(reader.engine.cursor)
    return {"heads": heads, "same": one.state() == other.state()}


def rate(bench: Bench) -> dict[str, Any]:
    """D9: requests until one is refused; what the next second brings; whether another device or a header changes it."""
    first, other = bench.transport("one"), bench.transport("other")
    statuses = []
    while len(statuses) < 400 and (not statuses or statuses[-1] == 200):
        statuses.append(first.send("GET", "/v1/stats").status_code)
    refused = first.send("GET", "/v1/stats")
    spoofed = first.send("GET", "/v1/stats", X_Forwarded_For="203.0.113.9")
    elsewhere = other.send("GET", "/v1/stats").status_code
    back = until(lambda: first.send("GET", "/v1/stats").status_code == 200, 15)
    return {
        "before": len(statuses) - 1,
        "refused": refused.status_code,
        "code": wire.error_response(refused.content)["code"] if refused.content[:1] != b"{" else refused.json()["code"],
        "retryAfter": refused.headers.get("Retry-After"),
        "spoofed": spoofed.status_code,
        "other": elsewhere,
        "back": back,
    }


def half_batch(bench: Bench) -> dict[str, Any]:
    """D10: a batch whose second operation is of no known kind, then the batch without it."""
    writer = bench.device("writer")
    good, bad = writer.edit("good", 1), writer.edit("bad", 2)
    bad.kind = "increment"
    answer = writer.transport.send("POST", "/v1/push", wire.push_request(bench.db, "writer", [good, bad]))
    reader = bench.device("reader")
    reader.engine.pull(Cycle())
    again = writer.engine.send([good])
    return {
        "status": answer.status_code,
        "after": len(reader.applied),
        "conflicts": len(again.conflicts),
        "acknowledged": again.acknowledged == good.op_id,
    }


def events(bench: Bench) -> dict[str, Any]:
    """D11: whether a stream says that it stands, and names that are not ASCII."""
    writer = bench.device("writer")
    listener = bench.listener("listener")
    connected = listener.wait_for(lambda heard: heard.is_connected, 3)
    name = "Größe-日本-🜁"

    def is_heard() -> bool:
        writer.edit(name, writer.clock())
        writer.sync()
        return listener.wait_for(lambda heard: bool(heard.operations() or heard.parser.broken), 0.2)

    until(is_heard)
    names = {op["entityId"] for op in listener.operations()}
    broken, status = listener.parser.broken, listener.status
    listener.close()
    return {"status": status, "connected": connected, "whole": names == {name}, "broken": broken}


def socket_served(bench: Bench) -> dict[str, Any]:
    """D12: whether a WebSocket is to be had at all, without a token and with one."""
    from entidb.websocket import Socket
    from websockets.exceptions import InvalidHandshake

    seen: dict[str, Any] = {}
    for name, token in [("without", None), ("with", bench.token("device"))]:
        try:
            socket = Socket(bench.url, token, bench.db, "device")
        except InvalidHandshake as error:
            response = getattr(error, "response", None)
            seen[name] = response.status_code if response is not None else str(error)
        else:
            subscribed = socket.wait_for(lambda message: message["type"] == "subscribed")
            seen[name] = 101 if subscribed else "silent"
            socket.close()
    return seen


def long_log(bench: Bench) -> dict[str, Any]:
    """D13: a log of twenty thousand operations, pushed as batches of a hundred and pulled as the client does."""
    writer = bench.device("writer")
    count, batch = 20_000, 100
    for start in range(0, count, batch):
        ops = [writer.edit(f"e{start + number}", number) for number in range(batch)]
        writer.engine.queue.ops.clear()
        writer.engine.send(ops)
    reader = bench.device("reader")
    did = reader.sync()
    return {"pulled": did.pulled, "pulls": did.pulls, "same": reader.state() == writer.state()}


def bounds(bench: Bench) -> dict[str, Any]:
    """D14: a body and a limit without bounds, and an error about text with quotes in it."""
    fill(bench, 1100)
    device = bench.transport("reader")
    large = device.send("POST", "/v1/push", b"\xa1" + bytes(64 * 1024 * 1024))
    page = wire.pull_response(device.post("/v1/pull", wire.pull_request(bench.db, 0, 2**40)))
    nothing = wire.pull_response(device.post("/v1/pull", wire.pull_request(bench.db, 0, 0)))
    op = bench.device("reader").edit('"quo\\ted"', 1)
    op.kind = 'un"known\\'
    odd = device.send("POST", "/v1/push", wire.push_request(bench.db, "reader", [op]), Accept="application/json")
    return {
        "large": large.status_code,
        "page": len(page.ops),
        "more": page.has_more,
        "ofNone": len(nothing.ops),
        "odd": odd.status_code,
        "readable": is_readable(odd),
    }


def is_readable(answer: Any) -> bool:
    try:
        if "cbor" in answer.headers.get("Content-Type", ""):
            wire.error_response(answer.content)
        else:
            json.loads(answer.content)
    except (ValueError, wire.WireError):
        return False
    return True


def before_crash(bench: Bench) -> dict[str, Any]:
    """D15, first half: what is acknowledged before the server is killed."""
    writer = fill(bench, 250)
    return {"state": writer.state()}


def after_crash(bench: Bench) -> dict[str, Any]:
    """D15, second half: what is there, and whether pushes go on with the next cursor."""
    reader = bench.device("reader")
    reader.engine.pull(Cycle())
    state = reader.state()
    writer = bench.device("writer-2")
    for number in range(50):
        writer.edit(f"new{number}", number)
    writer.sync_all()
    last = bench.device("last")
    last.engine.pull(Cycle())
    cursors = [op.op_id for op in last.applied]
    return {"state": state, "dense": cursors == list(range(1, len(cursors) + 1)), "log": len(cursors)}
