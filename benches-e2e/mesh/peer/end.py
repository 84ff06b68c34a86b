"""One end of links, by aiortc. What it is told and what it says: ../src/line.rs."""

import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

# Handed to aiortc and not yet sent, at most about so much: it is never without work.
BUFFERED_BYTES = 1 << 20


def say(said: str, **what: object) -> None:
    print(json.dumps({"said": said, **what}), flush=True)


class End:
    def __init__(self) -> None:
        self.connections: dict[int, RTCPeerConnection] = {}
        self.channels: dict[int, RTCDataChannel] = {}
        self.received = 0

    async def obey(self, order: dict) -> None:
        link = order.get("link", 0)
        match order["do"]:
            case "offer":
                connection = self.make(link)
                self.use(link, connection.createDataChannel("bench"))
                await connection.setLocalDescription(await connection.createOffer())
                say("described", link=link, sdp=connection.localDescription.sdp)
            case "answer":
                connection = self.make(link)
                connection.on("datachannel", lambda channel: self.use(link, channel))
                await connection.setRemoteDescription(RTCSessionDescription(sdp=order["sdp"], type="offer"))
                await connection.setLocalDescription(await connection.createAnswer())
                say("described", link=link, sdp=connection.localDescription.sdp)
            case "accept":
                description = RTCSessionDescription(sdp=order["sdp"], type="answer")
                await self.connections[link].setRemoteDescription(description)
            case "send":
                self.send(self.channels[link], bytes([7]) * order["message_bytes"])
            case "count":
                say("counted", bytes=self.received)
            case "close":
                await self.connections.pop(link).close()
                self.channels.pop(link, None)
                say("closed", link=link)

    def make(self, link: int) -> RTCPeerConnection:
        # Without a server, or it asks one on the internet.
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connections[link] = connection
        return connection

    def use(self, link: int, channel: RTCDataChannel) -> None:
        self.channels[link] = channel
        channel.on("message", self.take)
        if channel.readyState == "open":
            say("opened", link=link)
        else:
            channel.on("open", lambda: say("opened", link=link))

    def take(self, message: bytes) -> None:
        self.received += len(message)

    def send(self, channel: RTCDataChannel, message: bytes) -> None:
        channel.bufferedAmountLowThreshold = BUFFERED_BYTES // 2

        def fill() -> None:
            while channel.bufferedAmount < BUFFERED_BYTES:
                channel.send(message)

        channel.on("bufferedamountlow", fill)
        fill()


async def main() -> None:
    end = End()
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say("ready")
    while line := await reader.readline():
        await end.obey(json.loads(line))


asyncio.run(main())
