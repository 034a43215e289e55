"""``turnwise serve``: fitted models over HTTP."""

from typing import Annotated

import typer


def serve(
    folders: Annotated[
        list[str], typer.Argument(metavar="[NAME=]DIR...", help="Fitted model folders; the first is the default.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 opens the service to others.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one and prints it.")] = 8000,
    threads: Annotated[
        int,
        typer.Option(
            min=0, help="CPU threads of one model call; 0 takes all cores but one, at least one, and all for a desk."
        ),
    ] = 0,
    max_batch: Annotated[int, typer.Option(help="Texts that one model call takes.")] = 64,
    max_texts: Annotated[int, typer.Option(help="Texts of one request.")] = 256,
    max_characters: Annotated[int, typer.Option(help="Characters of one text.")] = 10_000,
    max_body: Annotated[int, typer.Option(help="Bytes of one request.")] = 1 << 20,
    max_waiting: Annotated[int, typer.Option(help="Texts that may wait for one model.")] = 4096,
    timeout: Annotated[float, typer.Option(help="Seconds to answer one request.")] = 30.0,
    drain: Annotated[float, typer.Option(min=0, help="Seconds to keep accepting after SIGTERM, /ready at 503.")] = 0.0,
    shutdown_timeout: Annotated[int, typer.Option(min=0, help="Seconds to finish what is in flight.")] = 30,
) -> None:
    """Serve fitted models over HTTP, with a page to try them in a browser.

    Example: turnwise serve models/shop --port 8000, then
    curl -H 'Content-Type: application/json' -d '{"text": "where is my parcel"}' 127.0.0.1:8000/v1/predict
    """
    from turnwise.runtime.session import cores
    from turnwise.serve import Limits, create_app, load_served, named_folders
    from turnwise.serve.logs import configure
    from turnwise.serve.server import bind, is_public, limit_threads, run, spare_threads, url

    named = named_folders(folders)
    limits = Limits(
        body_bytes=max_body,
        texts=max_texts,
        characters=max_characters,
        seconds=timeout,
        waiting=max_waiting,
        batch=max_batch,
    )
    with bind(host, port) as bound:
        if is_public(bound):
            typer.echo(
                f"warning: {url(bound)} can be reached from other machines. There is no login: whoever reaches it can "
                "ask the models and read training utterances. Put a proxy with access control in front, or leave out "
                "--host.",
                err=True,
            )
        limit_threads(threads or spare_threads())
        models = {}
        for name, folder in named.items():
            typer.echo(f"loading {name} from {folder}", err=True)
            models[name] = load_served(folder, workers=threads or cores())
        configure()
        run(
            create_app(models, limits),
            bound,
            shutdown_seconds=shutdown_timeout,
            drain_seconds=drain,
            announce=lambda: typer.echo(f"serving {', '.join(models)} on {url(bound)} (Ctrl-C stops)"),
        )
