"""TLS before a server that has none: what comes in goes on in the clear, on this machine.

    python front.py --port 8443 --upstream 8080 --certificate cert.pem --key key.pem

A client that does not like the certificate ends its own connection and nothing else.
"""

import argparse
import asyncio
import contextlib
import ssl


async def carry(reader, writer):
    """Passes bytes on until there are no more."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def serve(arguments):
    async def connected(reader, writer):
        try:
            onward = await asyncio.open_connection("127.0.0.1", arguments.upstream)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, onward[1]), carry(onward[0], writer))

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    server = await asyncio.start_server(connected, "127.0.0.1", arguments.port, ssl=tls)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    asyncio.run(serve(parser.parse_args()))
