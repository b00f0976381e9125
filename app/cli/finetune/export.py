"""python -m app finetune export MODEL --to vllm --out DIR | push MODEL --repo OWNER/NAME: a tuned model elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.finetune.watch import Json
from app.cli.output import print_json, print_line, say
from app.workspace import Workspace, open_workspace
from errors import DatasetFormatError, SettingsError, TuningNotFoundError

if TYPE_CHECKING:
    from finetune.jobs.record import TunedModel
    from finetune.jobs.store import TuningStore
    from finetune.trainers.exporting import Exported, Source

PROMPTS = 16  # that adapter and merged model are compared on
Model = Annotated[str, typer.Argument(help="As `finetune models` names it: local:ft:...")]


def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="A new folder.")],
    to: Annotated[str, typer.Option(help="peft, merged, ollama, llamacpp or vllm.")] = "peft",
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="JSONL whose questions adapter and merged model are compared on; else the job's own."
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="Of merged weights: float32, bfloat16, float16; else the base's own.")
    ] = None,
    allow_differences: Annotated[
        bool, typer.Option("--allow-differences", help="Write a merged model that answers otherwise, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a LoRA model for use elsewhere, with the commands that run it there.

    A merged model is compared with its adapter first, on questions of the job's validation file.
    """
    from app.tuning import training_python, tuning
    from finetune.trainers.exporting import TARGETS, Target
    from finetune.trainers.exporting import export as exported

    target: Target | None = next((one for one in TARGETS if one == to), None)
    if target is None:
        raise SettingsError(f"{to!r} is no form of an export: choose one of {', '.join(TARGETS)}.")
    if precision not in (None, "float32", "bfloat16", "float16"):
        raise SettingsError(f"{precision!r} is no precision: choose float32, bfloat16 or float16.")
    workspace = open_workspace()
    store = tuning(workspace).store
    found = _model(store, model)
    asked = _prompts(store, found, prompts) if target not in ("peft", "vllm") else []
    if asked:
        say(f"Merging, and comparing the answers to {len(asked)} questions ...")
    done = exported(
        _source(store, found), to=target, out=out, python=training_python(workspace.settings), prompts=asked,
        precision=precision, allow_differences=allow_differences,
    )  # fmt: skip
    print_json(done.as_dict()) if json else _print(done)


def push(
    model: Annotated[str, typer.Argument(help="local:ft:..., or a folder that `export` wrote.")],
    repo: Annotated[str, typer.Option(help="OWNER/NAME on the Hugging Face hub.")],
    public: Annotated[bool, typer.Option("--public", help="For everyone to see; else private.")] = False,
    json: Json = False,
) -> None:
    """Send a tuned model, or an exported folder, to the Hugging Face hub. The token is taken from HF_TOKEN."""
    import tempfile

    from finetune.trainers.pushing import push as pushed

    workspace = open_workspace()
    if workspace.settings.offline.value:
        raise SettingsError(
            "GROUNDTUNE_OFFLINE is set, so nothing is sent anywhere: unset it to push a model."
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = (
            Path(model) if Path(model).is_dir() else _as_peft(workspace, model, Path(scratch) / "adapter")
        )
        done = pushed(folder, repo, environment=os.environ, public=public)
    if json:
        print_json({"url": done.url, "files": done.files, "public": public})
    else:
        print_line(f"{done.files} files are at {done.url} ({'public' if public else 'private'}).")


def _as_peft(workspace: Workspace, model: str, out: Path) -> Path:
    from app.tuning import tuning
    from finetune.trainers.exporting import export as exported

    store = tuning(workspace).store
    exported(_source(store, _model(store, model)), to="peft", out=out, python=None)
    return out


def _model(store: TuningStore, name: str) -> TunedModel:
    """Raises TuningNotFoundError, and SettingsError for what no other program can run."""
    if not (store.root / "tuning.db").is_file():
        raise TuningNotFoundError(f"No tuned model is called {name!r}: none was trained here yet.")
    found = store.models.get(name.removeprefix("local:"))
    if found.trainer != "lora":
        raise SettingsError(
            f"{found.id!r} is an embedded responder, which only Groundtune runs: export a model that was trained on "
            "an open base, or copy the responder's folder to another Groundtune's GROUNDTUNE_HOME."
        )
    return found


def _source(store: TuningStore, model: TunedModel) -> Source:
    from finetune.serving.adapter_files import read_seal
    from finetune.trainers.exporting import Source

    registered = store.bases.get(model.base)
    seal = read_seal(Path(model.folder))
    folder = registered.folder if registered else None
    if folder is None and seal is not None and Path(seal.base_folder).is_dir():
        folder = Path(seal.base_folder)
    if folder is None:
        raise TuningNotFoundError(f"The base {model.base!r} of {model.id!r} is not on this machine any more.")
    hub = registered is not None and registered.path and registered.folder is None
    system = model.facts.get("system")
    return Source(
        model_id=model.id,
        adapter=Path(model.folder),
        base=registered.path if hub and registered else str(folder.resolve()),
        base_folder=folder,
        system=system if isinstance(system, str) else None,
    )


def _prompts(store: TuningStore, model: TunedModel, file: Path | None) -> list[Sequence[Mapping[str, Any]]]:
    """Questions of the file, else of the job's validation rows, else of its training rows.

    Raises SettingsError where there are none: a merge that is not compared proves nothing.
    """
    from finetune.after.evaluation import examples
    from finetune.trainers.responder_rows import rows_of

    for path in [file] if file else _files(store, model):
        try:
            found = examples(rows_of(path))[:PROMPTS]
        except (OSError, DatasetFormatError) as error:
            raise SettingsError(f"{str(path)!r} cannot be read: {error}") from error
        if found:
            return [[dict(message) for message in one.messages] for one in found]
    raise SettingsError(
        "No question is left to compare adapter and merged model on: name a JSONL with --prompts."
    )


def _files(store: TuningStore, model: TunedModel) -> list[Path]:
    try:
        request = store.jobs.get(model.job_id).request
    except TuningNotFoundError:
        return []
    found = []
    for file_id in (request.validation_file, request.training_file):
        if file_id:
            try:
                found.append(store.files.path(file_id))
            except TuningNotFoundError:
                continue
    return [path for path in found if path.is_file()]


def _print(done: Exported) -> None:
    print_line(f"Written to {done.folder}")
    if done.check is not None:
        differing = len(done.check["differences"])
        print_line(
            f"Merged in {done.check['precision']}: {done.check['compared'] - differing} of {done.check['compared']} "
            "answers are those of the adapter."
        )
    print_line("To run it:")
    for command in done.commands:
        print_line(f"  {command}")
    for note in done.notes:
        say(note)
