"""`python -m ariyippu.demo.outside DIR [--smtp-port P] [--smpp-port Q] [--smpp-name NAME]`

Prints one JSON line with the real ports when both servers listen, and runs until SIGTERM or SIGINT.
The SMPP password comes from OUTSIDE_SMPP_PASSWORD: an argument would show in the list of processes.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from ariyippu.demo.outside.run import Outside, serve
from ariyippu.demo.outside.smsc import Account


async def run(outside: Outside) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(outside) as (smtp_port, smpp_port):
        sys.stdout.write(json.dumps({"smtp_port": smtp_port, "smpp_port": smpp_port}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ariyippu.demo.outside")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--smtp-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--smpp-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--smpp-name", default="demo")
    given = parser.parse_args()
    account = Account(given.smpp_name, os.environ.get("OUTSIDE_SMPP_PASSWORD", "demo"))
    asyncio.run(run(Outside(given.folder, given.smtp_port, given.smpp_port, account)))


if __name__ == "__main__":
    main()
