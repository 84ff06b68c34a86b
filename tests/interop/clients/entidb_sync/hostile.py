"""Forged tokens, another tenant's data on every path, and the administration with a token of sync."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from entidb import wire
from entidb.token import claims_of, mint, sign
from entidb.websocket import plain
from entidb_sync.bench import Bench, fill
from entidb_sync.forged import HEAD, forged

PUSHED_BY_NOBODY = "intruder"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def paths(db: str, device: str) -> list[tuple[str, str, bytes | None]]:
    op = wire.Operation(1, db, device, "tasks", PUSHED_BY_NOBODY, "upsert", 2_000_000, b"\x01", 0)
    query = f"deviceId={device}&dbId={db}"
    return [
        ("POST", "/v1/handshake", wire.handshake_request(db, device)),
        ("POST", "/v1/pull", wire.pull_request(db, 0)),
        ("POST", "/v1/push", wire.push_request(db, device, [op])),
        ("GET", "/v1/stats", None),
        ("GET", f"/v1/events?{query}", None),
        ("GET", f"/v1/stream?{query}", None),
        ("GET", f"/v1/ws?{query}", None),
    ]


def ask(client: httpx.Client, url: str, path: tuple[str, str, bytes | None], fields: dict[str, str]) -> httpx.Response:
    """The head alone of what might be a stream."""
    method, name, body = path
    fields = fields | (UPGRADE if name.startswith("/v1/ws") else {})
    if body is not None:
        fields = fields | {"Content-Type": "application/cbor", "Accept": "application/cbor"}
    with client.stream(method, url + name, content=body, headers=fields) as answer:
        if answer.status_code >= 400:
            answer.read()
        return answer


def forged_tokens(bench: Bench) -> dict[str, Any]:
    """Each on each path: those that were not answered 401 with code 2, and whether one was let in."""
    device = "device"
    let_in: list[str] = []
    badly_told: list[str] = []
    tokens = forged(bench.secret, bench.db, device)
    with httpx.Client(timeout=10) as client:
        for name, token in tokens.items():
            for path in paths(bench.db, device):
                answer = ask(client, bench.url, path, {"Authorization": f"Bearer {token}"})
                if answer.status_code != 401:
                    let_in.append(f"{name}: {path[1]}: {answer.status_code}")
                elif not is_told_well(answer, bench.secret):
                    badly_told.append(f"{name}: {path[1]}: {answer.content[:100]!r} {dict(answer.headers)}")
        carriers = other_carriers(bench, client, device)
    return {"tokens": len(tokens), "letIn": let_in, "badlyTold": badly_told, "carriers": carriers, "good": good(bench, device)}


def is_told_well(answer: httpx.Response, secret: str) -> bool:
    is_cbor = "cbor" in answer.headers.get("Content-Type", "")
    told = wire.error_response(answer.content) if is_cbor else json.loads(answer.content)
    is_challenged = answer.headers.get("WWW-Authenticate") == 'Bearer realm="sync"'
    return told["code"] == 2 and is_challenged and secret.encode() not in answer.content


def other_carriers(bench: Bench, client: httpx.Client, device: str) -> list[str]:
    """A good token where none is looked for."""
    token = bench.token(device)
    basic = base64.b64encode(f"t:{token}".encode()).decode()
    let_in = []
    for path in paths(bench.db, device):
        carried = [("Cookie", f"token={token}"), ("X-Authorization", f"Bearer {token}"), ("Authorization", token)]
        if not path[1].startswith("/v1/ws"):
            carried.append(("Authorization", f"Basic {basic}"))
        for field, value in carried:
            answer = ask(client, bench.url, path, {field: value})
            if answer.status_code != 401:
                let_in.append(f"{field}: {path[1]}: {answer.status_code}")
        # A WebSocket may have it in its query, as browsers can set no field there.
        for name in ("authorization",) if path[1].startswith("/v1/ws") else ("token", "access_token", "authorization"):
            separator = "&" if "?" in path[1] else "?"
            queried = (path[0], f"{path[1]}{separator}{name}={token}", path[2])
            if ask(client, bench.url, queried, {}).status_code != 401:
                let_in.append(f"?{name}=: {path[1]}")
    return let_in


def good(bench: Bench, device: str) -> dict[str, Any]:
    """A good token gets in, and what the forged ones pushed is not there."""
    transport = bench.transport(device)
    page = wire.pull_response(transport.post("/v1/pull", wire.pull_request(bench.db, 0)))
    return {"log": len(page.ops)}


def claims(bench: Bench, device: str) -> dict[str, Any]:
    return claims_of(bench.db, device)


def isolation(bench: Bench) -> dict[str, Any]:
    """What device B of tenant B sees, on every path, of what device A of tenant A does with names all its own."""
    ours, theirs, mark = "tenant-a", "tenant-b", "a-mark"
    writer = bench.device(f"{mark}-device", db=ours)
    seen: list[str] = []
    spy_events = bench.listener("b-device", db=theirs)
    spy_socket = bench.socket("b-device", db=theirs)
    writer.edit(f"{mark}-entity", {mark: mark}, f"{mark}-collection", version=1_000)
    writer.sync()
    spy = bench.transport("b-device", db=theirs)
    # Its own database has the same names, and a version that would be refused in the other.
    own = wire.Operation(1, theirs, "b-device", "shared", "e", "upsert", 1, b"\x01", 0)
    writer.edit("e", {mark: mark}, "shared", version=1_000)
    writer.sync()
    pushed = wire.push_response(spy.post("/v1/push", wire.push_request(theirs, "b-device", [own])))
    answers = {
        "push": repr(pushed.conflicts),
        "handshake": repr(spy.post("/v1/handshake", wire.handshake_request(theirs, "b-device"))),
        "pull": repr(spy.post("/v1/pull", wire.pull_request(theirs, 0))),
        "filtered": repr(spy.post("/v1/pull", wire.pull_request(theirs, 0, 100, [f"{mark}-collection"]))),
        "beyond": repr(spy.post("/v1/pull", wire.pull_request(theirs, 1))),
        "stats": spy.send("GET", "/v1/stats").text,
    }
    as_other = [ask(spy.client, bench.url, path, {"Authorization": f"Bearer {spy.token}"}) for path in paths(ours, "b-device")]
    for path, answer in zip(paths(ours, "b-device"), as_other, strict=True):
        content = answer.content if answer.status_code >= 400 else b""
        answers[f"as {path[1]}"] = repr(content)
    spy_events.wait_for(lambda heard: any(op["entityId"] == "e" for op in heard.operations()))
    spy_socket.wait_for(lambda message: message["type"] == "operations")
    socket_pull = spy_socket.ask("pull", {"sinceCursor": 0, "limit": 100})
    foreign = spy_socket.ask("push", {"operations": [plain(own) | {"dbId": ours, "opId": 2, "entityVersion": 5_000}]})
    answers["events"] = repr([(event.kind, event.data) for event in spy_events.events])
    answers["socket"] = repr(spy_socket.messages)
    heard_own = "shared" in answers["events"] and "shared" in answers["socket"]
    spy_events.close()
    spy_socket.close()
    seen += [f"{name}: {text}" for name, text in answers.items() if mark in text]
    reader = bench.device("a-reader", db=ours)
    reader.sync()
    return {
        "seen": seen,
        "conflicts": len(pushed.conflicts),
        "statsCursor": json.loads(answers["stats"])["cursor"],
        "asOther": {path[1]: answer.status_code for path, answer in zip(paths(ours, "b-device"), as_other, strict=True)},
        "heardOwn": heard_own,
        "socketPull": [op["dbId"] for op in socket_pull["data"]["operations"]] if socket_pull else None,
        "foreignPush": foreign and foreign["type"],
        "intruders": [op.entity for op in reader.applied if op.device != f"{mark}-device"],
    }


def other_device(bench: Bench) -> dict[str, int]:
    """A token that names a device, used for another one; one that names no database; one that names no device."""
    transport = bench.transport("mine")
    named = {f"other {path[1]}": ask(transport.client, bench.url, path, bearer(transport.token)).status_code
             for path in paths(bench.db, "theirs") if path[1] not in ("/v1/pull", "/v1/stats")}  # fmt: skip
    no_db = mint(bench.secret, None, "mine")
    for path in paths(bench.db, "mine"):
        named[f"no database {path[1]}"] = ask(transport.client, bench.url, path, bearer(no_db)).status_code
    any_device = bench.token(None)
    for path in paths(bench.db, "whoever")[:4]:
        named[f"no device {path[1]}"] = ask(transport.client, bench.url, path, bearer(any_device)).status_code
    return named


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def administration(bench: Bench) -> dict[str, Any]:
    """A token of sync at the doors of operators, from beyond this machine as the proxy before it says."""
    fields = bearer(bench.token("device")) | {"X-Forwarded-For": "203.0.113.9"}
    scoped = sign(bench.secret, HEAD, claims(bench, "device") | {"scope": "admin:read admin:write metrics:read"})
    doors = ["/metrics", "/api/v1", "/api/v1/sync", "/api/v1/sync/databases", "/api/v1/sync/databases/tenant-a",
             "/api/v1/relay", "/api/v1/signal/rooms", "/api/v1/system/health"]  # fmt: skip
    statuses = {}
    with httpx.Client(timeout=10) as client:
        for door in doors:
            for name, token in [("plain", fields), ("scoped", fields | bearer(scoped))]:
                for method in ("GET", "POST", "DELETE"):
                    statuses[f"{name} {method} {door}"] = client.request(method, bench.admin_url + door, headers=token).status_code
        own = client.get(bench.url + "/v1/stats", headers=fields).status_code
    return {"statuses": statuses, "own": own}
