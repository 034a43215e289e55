"""A service in a process of its own: ``echo.py SHUTDOWN_SECONDS DRAIN_SECONDS``; ``sleep N`` takes N seconds."""

import sys
import time
from collections.abc import Sequence

from turnwise.dialogue import Turn
from turnwise.serve import Limits, create_app
from turnwise.serve.logs import configure
from turnwise.serve.server import bind, run, url


class Echo:
    labels = ("echo",)
    version = "1"

    def predict(self, texts: Sequence[str]) -> list[Turn]:
        for text in texts:
            if text.startswith("sleep "):
                time.sleep(float(text.removeprefix("sleep ")))
        return [Turn("customer", text, labels={"intent": ("echo",)}) for text in texts]


if __name__ == "__main__":
    bound = bind("127.0.0.1", 0)
    configure()
    run(
        create_app({"echo": Echo()}, Limits()),
        bound,
        shutdown_seconds=int(sys.argv[1]),
        drain_seconds=float(sys.argv[2]),
        announce=lambda: print(url(bound), flush=True),
    )
