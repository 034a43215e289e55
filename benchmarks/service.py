"""The service under load: requests a second and latencies, with shared batches and with one text a model call.

Run: ``python benchmarks/service.py MODEL_FOLDER``; writes ``benchmarks/results/service.json``. The real server runs in
a process of its own on the loopback address; the clients share the machine with it, each asks for one text at a
time over a kept connection, and the texts are the model's own training utterances. A model that was exported is
measured with PyTorch and with its export.
"""

import asyncio
import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from rich.progress import track

from turnwise.files import atomic_file
from turnwise.tasks.intent.engine import best_engine

RESULTS = Path(__file__).parent / "results" / "service.json"
MODES = {"shared batches": 64, "one text a call": 1}
_SERVER = "import typer; from turnwise.cli.serve import serve; typer.run(serve)"


def main(
    folder: Annotated[Path, typer.Argument(help="A fitted intent model.")],
    clients: Annotated[list[int], typer.Option(help="Concurrent clients; repeat for several.")] = [1, 8, 32, 128],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="Length of each measurement.")] = 10.0,
    threads: Annotated[int, typer.Option(help="CPU threads of the model; 0 leaves it to PyTorch.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the results go.")] = RESULTS,
) -> None:
    """Measure every mode with every number of clients."""
    texts = [row["text"] for row in json.loads((folder / "bank.json").read_text(encoding="utf-8"))]
    rows: list[dict[str, Any]] = []
    engines = ["torch"] if best_engine(folder) == "torch" else ["torch", best_engine(folder)]
    runs = [(engine, mode, count) for engine in engines for mode in MODES for count in clients]
    with tempfile.TemporaryDirectory() as alone:
        for engine, mode, count in track(runs, "service under load"):
            with serving(without_export(folder, alone) if engine == "torch" else folder, MODES[mode], threads) as url:
                rows.append({"engine": engine, "mode": mode, **measure(url, texts, count, seconds)})
    with atomic_file(output) as path:
        path.write_text(json.dumps({"machine": machine(threads), "model": folder.name, "rows": rows}, indent=2) + "\n")
    for row in rows:
        print(
            f"{row['engine']:<6} {row['mode']:<16} {row['clients']:>4} clients "
            f"{row['requests_per_second']:>8.1f} requests/s, "
            f"p50 {row['p50_ms']:.1f} p95 {row['p95_ms']:.1f} p99 {row['p99_ms']:.1f} ms, "
            f"{row['texts_per_call']:.1f} texts a call, {row['errors']} errors"
        )
    print(f"written: {output}")


def without_export(folder: Path, place: str) -> Path:
    """The model under another path, where no export lies beside it, so that the service encodes with PyTorch."""
    link = Path(place) / folder.name
    if not link.exists():
        link.symlink_to(folder.resolve(), target_is_directory=True)
    return link


@contextlib.contextmanager
def serving(folder: Path, max_batch: int, threads: int) -> Iterator[str]:
    """The address of a server that is ready; it is told to leave afterwards."""
    options = ["--port", "0", "--max-batch", str(max_batch), "--threads", str(threads)]
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit(f"the server did not start; try: turnwise serve {folder}")
        while httpx.get(f"{found[0]}/ready").status_code != 200:
            pass
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def measure(url: str, texts: list[str], clients: int, seconds: float) -> dict[str, Any]:
    """Latencies of requests that were answered within the time, errors, and how many texts a model call took."""
    before = _batches(url)
    host, port = url.removeprefix("http://").split(":")
    latencies, errors, lasted = asyncio.run(_load(host, int(port), texts, clients, seconds))
    calls, answered = (now - then for now, then in zip(_batches(url), before, strict=True))
    p50, p95, p99 = np.percentile(1000 * np.array(latencies), [50, 95, 99])
    return {
        "clients": clients,
        "requests": len(latencies),
        "errors": errors,
        "requests_per_second": len(latencies) / lasted,
        "p50_ms": float(p50),
        "p95_ms": float(p95),
        "p99_ms": float(p99),
        "texts_per_call": answered / calls,
    }


async def _load(host: str, port: int, texts: list[str], clients: int, seconds: float) -> tuple[list[float], int, float]:
    latencies: list[float] = []
    errors = 0
    start = perf_counter()

    async def client(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(host, port)
        row = number
        while perf_counter() - start < seconds:
            body = json.dumps({"text": texts[row % len(texts)]}).encode()
            asked = perf_counter()
            if await _ask(reader, writer, body) == 200:
                latencies.append(perf_counter() - asked)
            else:
                errors += 1
            row += clients
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return latencies, errors, perf_counter() - start


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    """The status of one request; a plain client, so that it takes little of the server's CPU."""
    head = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(answer.split("content-length: ")[1].split("\r\n")[0]))
    return int(answer.split(" ", 2)[1])


def _batches(url: str) -> tuple[float, float]:
    """Model calls and their texts so far."""
    text = httpx.get(f"{url}/metrics").text
    count, total = (re.search(rf"turnwise_batch_texts_{name}{{.*?}} (\S+)", text) for name in ("count", "sum"))
    assert count is not None and total is not None
    return float(count[1]), float(total[1])


def machine(threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "cpu": platform.machine(), "threads": threads}


if __name__ == "__main__":
    typer.run(main)
