"""``turnwise mine``: pairs of sentences that share a keyphrase, from raw text."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import CORPUS_HELP
from turnwise.cli.progress import counting
from turnwise.errors import CorpusError, InputError, MissingExtraError


def mine(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help=f"A .txt file or a folder of them, or: {CORPUS_HELP}"),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of pairs to write.")],
    text: Annotated[
        str | None, typer.Option(help="The column with the text; SOURCE is then a table, or a folder of them.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="The column with the group: a forum, a domain. Pairs are of one group.")
    ] = None,
    shortest: Annotated[int, typer.Option(help="Characters of a sentence, at least.")] = 9,
    longest: Annotated[int, typer.Option(help="Characters of a sentence, at most.")] = 127,
    alpha: Annotated[float, typer.Option(help="Of the score: higher prefers shorter keyphrases.")] = 0.8,
    keyphrases: Annotated[float, typer.Option(help="Keyphrases a sentence, in the mean.")] = 1.65,
    threshold: Annotated[float | None, typer.Option(help="Least score of a keyphrase, in place of that mean.")] = None,
    test: Annotated[float, typer.Option(help="Share of the sentences that test pairs are made of.")] = 0.05,
    memory: Annotated[
        str, typer.Option(help="What the engine keeps in memory at most; the rest goes to disk.")
    ] = "4GB",
    threads: Annotated[int | None, typer.Option(help="Threads of the engine; all cores by default.")] = None,
    work: Annotated[Path | None, typer.Option(help="Where stages are kept; DIR.work by default.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where a run was stopped.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
) -> None:
    """Mine raw text for pairs of sentences that share a keyphrase, as the pairwise cloze objective learns from.

    The same command again goes on with a run that was stopped.

    Example: turnwise mine posts.parquet --text body --group forum -o pairs --report pairs.html
    """
    try:
        from turnwise.mining.run import FACTS, STAGES
        from turnwise.mining.run import mine as mined
        from turnwise.mining.sources import TextColumns
    except ImportError as error:
        raise MissingExtraError("ibis-framework", "mine") from error
    from turnwise.cli.run_folder import Work, same_command, stamp
    from turnwise.files import check_replaceable
    from turnwise.mining.settings import MiningSettings

    check_replaceable(output, (FACTS,))
    settings = MiningSettings(shortest, longest, alpha, keyphrases, threshold, test=test)
    run = {
        "sources": {source: stamp(Path(source)) if Path(source).exists() else "" for source in sources},
        "columns": [text, group],
        "settings": asdict(settings),
    }
    kept = Work.open(work or output.with_name(f"{output.name}.work"), run, restart=restart)
    if kept.begun:
        typer.echo(f"going on with the run in {kept.folder}; --restart starts anew", err=True)
    try:
        with counting("stages", len(STAGES) - (threshold is not None)) as advance:
            facts = mined(
                sources, output, settings, work=kept.folder, columns=TextColumns(text, group),
                memory=memory, threads=threads, on_stage=lambda _: advance(1),
            )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo(f"stopped; what is done is kept in {kept.folder}. To go on:\n  {same_command()}", err=True)
        raise typer.Exit(130) from None
    except (CorpusError, InputError):
        if not kept.begun:
            kept.remove()
        raise
    from turnwise.analysis.mining_report import COUNTS, MEANS, write_mining_report

    for key, name in COUNTS.items():
        typer.echo(f"  {name}: {facts[key]:,}")
    for key, name in MEANS.items():
        typer.echo(f"  {name}: {facts[key]:.2f}")
    if report is not None:
        from turnwise.mining.run import examples

        write_mining_report(report, facts, examples(output, 30))
        typer.echo(f"report written to {report}", err=True)
    typer.echo(f"pairs written to {output}")
