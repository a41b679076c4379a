"""The offline provider in a process of its own, for the other scripts: options as JSON, counts on request."""

from __future__ import annotations

import json
import sys

from benchkit.offline.server import OfflineServer


def main(options: str) -> None:
    with OfflineServer(**json.loads(options)) as server:
        print(server.url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(server.counts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
