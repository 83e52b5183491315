"""A relay written by hand on redis.asyncio, without any guarantee, for comparison: `PORT REDIS_URL KEEP_ALIVE_S`.

It reads the request's path, subscribes to the shard of its job and passes each event on. No log, no gaps noticed, no
keys, no reconnection; no keep-alives either where KEEP_ALIVE_S is 0.
"""

import asyncio
import json
import sys
import zlib
from collections import defaultdict

import redis.asyncio

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
streams: defaultdict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)


async def receive(pubsub: "redis.asyncio.client.PubSub") -> None:
    async for message in pubsub.listen():
        if message["type"] == "message":
            event = json.loads(message["data"])
            frame = f"event: {event['event_type']}\nid: {event['pub_id']}\ndata: {event['data']}\n\n".encode()
            for queue in streams.get(event["channel"], ()):
                queue.put_nowait(frame)


async def get_or_keep_alive(queue: asyncio.Queue[bytes], keep_alive_s: float) -> bytes:
    try:
        async with asyncio.timeout(keep_alive_s):
            return await queue.get()
    except TimeoutError:
        return b": keep-alive\n"


async def main() -> None:
    keep_alive_s = float(sys.argv[3])
    client = redis.asyncio.Redis.from_url(sys.argv[2])
    pubsub = client.pubsub()
    await pubsub.subscribe("none")
    subscribed: set[str] = set()
    receiving = asyncio.create_task(receive(pubsub))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        job_id = head.split(b" ", 2)[1].decode().split("/")[-2]
        channel = f"forge:events:{zlib.crc32(job_id.encode()) % 256}"
        if channel not in subscribed:
            subscribed.add(channel)
            await pubsub.subscribe(channel)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        streams[job_id].add(queue)
        writer.write(_HEAD)
        try:
            while not receiving.done():
                frame = await (get_or_keep_alive(queue, keep_alive_s) if keep_alive_s else queue.get())
                writer.write(f"{len(frame):x}\r\n".encode() + frame + b"\r\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            streams[job_id].discard(queue)
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1000):
        print("ready", flush=True)
        await receiving


if __name__ == "__main__":
    asyncio.run(main())
