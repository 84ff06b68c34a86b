"""A peer of the NAT lab: aiortc. What it is told and what it says: src/natlab/peer_program.rs.

It gathers every candidate before it describes itself, and takes those of others in descriptions and one by one.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from datetime import datetime, timezone

import aioice.ice
from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from websockets.asyncio.client import connect

ECHO = "are you there"
LIMIT_SECONDS = 120


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Call:
    def __init__(self, options: argparse.Namespace) -> None:
        self.id: str = options.id
        self.other: str = options.dial
        self.began = 0.0
        self.open_ms = 0
        self.said = 0
        servers = [RTCIceServer(**server) for server in json.loads(options.ice_servers)]
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self.connection.on("datachannel", self.use)
        self.connection.on("iceconnectionstatechange", self.watch)

    async def run(self, url: str) -> None:
        async with connect(url) as self.socket:
            await self.socket.send(json.dumps({"type": "register", "agent_id": self.id}))
            async for text in self.socket:
                await self.take(json.loads(text))

    async def take(self, message: dict) -> None:
        kind = message["type"]
        if kind == "registered":
            tell(event="registered")
            if self.other:
                self.began = time.monotonic()
                self.use(self.connection.createDataChannel("lab", ordered=True))
                await self.connection.setLocalDescription(await self.connection.createOffer())
                await self.describe("offer")
        elif kind == "offer":
            self.began = time.monotonic()
            self.other = message["from"]
            await self.connection.setRemoteDescription(RTCSessionDescription(**message["offer"]))
            await self.connection.setLocalDescription(await self.connection.createAnswer())
            await self.describe("answer")
        elif kind == "answer":
            await self.connection.setRemoteDescription(RTCSessionDescription(**message["answer"]))
        elif kind == "ice-candidate":
            told = message["candidate"]
            candidate = candidate_from_sdp(told["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = told.get("sdpMid"), told.get("sdpMLineIndex")
            await self.connection.addIceCandidate(candidate)
        elif kind == "error":
            tell(event="failed", why=message["message"])

    async def describe(self, word: str) -> None:
        local = self.connection.localDescription
        description = {"type": local.type, "sdp": local.sdp}
        await self.socket.send(json.dumps({"type": word, "from": self.id, "to": self.other, word: description}))

    def message(self, payload: dict[str, str]) -> str:
        """An agent's message, as our node takes and sends them; any other program reads its payload alone."""
        self.said += 1
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {"id": f"{self.id}-{self.said}", "timestamp": at, "level": 1, "sequence_num": self.said}
        return json.dumps({**message, "source": self.id, "destination": self.other, "payload": payload})

    def watch(self) -> None:
        if self.connection.iceConnectionState == "failed":
            tell(event="failed", why="ICE has failed")

    def use(self, channel: RTCDataChannel) -> None:
        def opened() -> None:
            self.open_ms = round((time.monotonic() - self.began) * 1000)
            channel.send(self.message({"word": ECHO}))

        def heard(text: str) -> None:
            payload = json.loads(text).get("payload") or {}
            if "word" in payload:
                channel.send(self.message({"echo": payload["word"]}))
            if payload.get("echo") == ECHO:
                pair = self.selected_pair()
                tell(event="connected", ms=self.open_ms, first=pair, last=pair)

        channel.on("message", heard)
        if channel.readyState == "open":
            opened()
        else:
            channel.on("open", opened)

    def selected_pair(self) -> dict[str, str]:
        """aioice nominates once and stays with it."""
        pair = self.connection.sctp.transport.transport._connection._nominated[1]
        remote = pair.remote_candidate
        return {"local": pair.local_candidate.type, "remote": remote.type, "to": remote.host}


def only_relay() -> None:
    """aiortc has no RTCIceTransportPolicy; aioice has."""
    made = aioice.ice.Connection.__init__

    def init(self: aioice.ice.Connection, *words: object, **named: object) -> None:
        made(self, *words, **{**named, "transport_policy": aioice.ice.TransportPolicy.RELAY})

    aioice.ice.Connection.__init__ = init


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(3)


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("signal", "id", "ice-servers", "policy"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--dial")
    options = parser.parse_args()
    if options.policy == "relay":
        only_relay()
    threading.Thread(target=end_with_input, daemon=True).start()
    await asyncio.wait_for(Call(options).run(options.signal), LIMIT_SECONDS)


asyncio.run(main())
