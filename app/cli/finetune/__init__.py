"""python -m app finetune start|list|show|watch|pause|resume|cancel|models ...: training, here and elsewhere."""

from __future__ import annotations

import typer

from app.cli.finetune.again import again
from app.cli.finetune.asking import cancel, pause, resume
from app.cli.finetune.export import export, push
from app.cli.finetune.listing import list_jobs, places, show
from app.cli.finetune.models import delete, models, use
from app.cli.finetune.radar import radar
from app.cli.finetune.results import results
from app.cli.finetune.start import start
from app.cli.finetune.watch import watch

app = typer.Typer(
    no_args_is_help=True, help="Fine-tuning: start a job here or in the cloud, watch it, use the model."
)
app.command()(start)
app.command("list")(list_jobs)
app.command()(show)
app.command()(watch)
app.command()(pause)
app.command()(resume)
app.command()(cancel)
app.command()(models)
app.command()(use)
app.command()(radar)
app.command()(again)
app.command()(results)
app.command()(export)
app.command()(push)
app.command()(delete)
app.command()(places)
