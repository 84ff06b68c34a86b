"""Two aioice agents that may use nothing but the relay: they connect and echo.

The TURN server, how to reach it and its credentials come as options; the last line printed is one JSON object.
"""

import argparse
import asyncio
import json
import time

from aioice import Candidate, Connection, TransportPolicy

ECHOES = 100
PAYLOAD_BYTES = 1000
LIMIT_SECONDS = 45


def agent(options: argparse.Namespace, controlling: bool) -> Connection:
    return Connection(
        ice_controlling=controlling,
        turn_server=(options.host, options.port),
        turn_username=options.username,
        turn_password=options.password,
        turn_transport="udp" if options.transport == "udp" else "tcp",
        turn_ssl=options.transport == "tls",
        transport_policy=TransportPolicy.RELAY,
        use_ipv6=":" in options.host,
    )


async def tell(source: Connection, target: Connection) -> list[Candidate]:
    """Hands one agent's credentials and candidates to the other, as text and back, like signaling does."""
    target.remote_username = source.local_username
    target.remote_password = source.local_password
    lines = [candidate.to_sdp() for candidate in source.local_candidates]
    for line in lines:
        await target.add_remote_candidate(Candidate.from_sdp(line))
    await target.add_remote_candidate(None)
    return source.local_candidates


async def echo(near: Connection, far: Connection) -> None:
    for number in range(ECHOES):
        sent = number.to_bytes(2, "big") * (PAYLOAD_BYTES // 2)
        await near.send(sent)
        await far.send(await far.recv())
        received = await near.recv()
        assert received == sent, f"echo {number} came back changed"


async def relay_only(options: argparse.Namespace) -> dict[str, object]:
    near, far = agent(options, controlling=True), agent(options, controlling=False)
    try:
        began = time.monotonic()
        await asyncio.gather(near.gather_candidates(), far.gather_candidates())
        candidates = await tell(near, far) + await tell(far, near)
        kinds = sorted({candidate.type for candidate in candidates})
        assert kinds == ["relay"], f"expected relay candidates alone, not {kinds}"
        await asyncio.gather(near.connect(), far.connect())
        connect_ms = round((time.monotonic() - began) * 1000)
        await echo(near, far)
        return {"connectMs": connect_ms, "echoes": ECHOES, "candidates": len(candidates)}
    finally:
        await near.close()
        await far.close()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    return parser.parse_args()


def main() -> None:
    result = asyncio.run(asyncio.wait_for(relay_only(options()), LIMIT_SECONDS))
    print(json.dumps(result), flush=True)


main()
