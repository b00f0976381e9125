"""Starts one process for each card by `accelerate launch`, and carries what they report to the job's control.

The worker keeps the job's lease and its store: the first process asks it, over a socket, to record and to say what is
wanted; the others are silent. Started by finetune.trainers.lora where the options name a configuration:

    python -m accelerate.commands.launch --config_file accelerate/multi_gpu.yaml -m finetune.trainers.lora_ranks TASK
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from errors import TrainingFailedError
from finetune.trainers.contract import Control, Trained, TrainingTask

CONFIGURATIONS = Path(__file__).parent / "accelerate"
PROJECT = Path(__file__).parents[2]
JOIN_SECONDS = 600.0  # until all processes have loaded torch and met
ENDING_SECONDS = 60.0
_PATHS = ("base_folder", "train", "validation", "folder", "resume_from")


def train_on_several(task: TrainingTask, control: Control, name: str, *, processes: int) -> Trained | None:
    """Raises TrainingFailedError as the trainer in the processes did, or where they ended without a word."""
    with tempfile.TemporaryDirectory(prefix="gt-") as folder:
        address = str(Path(folder) / "s")  # short: a socket's path may have 107 bytes
        (Path(folder) / "task.json").write_text(json.dumps(_as_json(task)), "utf-8")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen(1)
            with _launched(name, processes, Path(folder) / "task.json", address) as process:
                with _accepted(listening, process) as connection, closing(_Line(connection)) as line:
                    done = _served(line, control)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(ENDING_SECONDS)
                return done


def processes_of(name: str) -> int:
    """How many processes a configuration makes here. Raises TrainingFailedError where there is nothing to share."""
    import torch

    cards: int = torch.cuda.device_count()
    if cards < 2:
        raise TrainingFailedError(
            f"The configuration {name!r} shares a training among several GPUs, and this machine has {cards}: leave "
            "accelerate out of the options.",
            code="model_not_available",
            param="accelerate",
        )
    return cards


@contextmanager
def _launched(name: str, processes: int, task: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(CONFIGURATIONS / f"{name}.yaml"),
        "--num_processes", str(processes), "--main_process_port", str(_free_port()),
        "-m", "finetune.trainers.lora_ranks", str(task), address,
    ]  # fmt: skip
    found = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": found})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _accepted(listening: socket.socket, process: subprocess.Popen[bytes]) -> socket.socket:
    listening.settimeout(0.5)
    until = time.monotonic() + JOIN_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            return listening.accept()[0]
        except TimeoutError:
            continue
    raise _lost()


def _lost() -> TrainingFailedError:
    return TrainingFailedError(
        "The processes that shared the training ended without a word: worker.log has what they wrote last.",
        code="worker_lost",
        retryable=True,
    )


class _Line:
    """JSON objects, one a line, over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        self._reading, self._writing = connection.makefile("rb"), connection.makefile("wb")

    def close(self) -> None:
        with suppress(OSError):  # what was left to say has no hearer
            self._writing.close()
        self._reading.close()

    def say(self, **message: Any) -> None:
        self._writing.write(json.dumps(message).encode() + b"\n")
        self._writing.flush()

    def hear(self) -> dict[str, Any]:
        """Raises ConnectionError at the end."""
        line = self._reading.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the other side has ended")
        message: dict[str, Any] = json.loads(line)
        return message


def _served(line: _Line, control: Control) -> Trained | None:
    while True:
        try:
            asked = line.hear()
        except ConnectionError as error:
            raise _lost() from error
        given = asked.get("given", {})
        match asked["call"]:
            case "done":
                return _trained(given["trained"])
            case "failed":
                raise TrainingFailedError(**given)
            case "wanted":
                line.say(value=control.wanted())
                continue
            case "checkpoint":
                control.checkpoint(**given, write=lambda folder: _written(line, folder))
            case "started" | "metrics" | "message" as name:
                getattr(control, name)(**given)
        line.say(value=None)


def _written(line: _Line, folder: Path) -> None:
    """The first process fills the folder."""
    line.say(write=str(folder))
    if error := line.hear().get("error"):
        raise OSError(error)


@dataclass(frozen=True, slots=True)
class _Told:
    """finetune.trainers.contract.Control in the first process: the worker does it."""

    line: _Line

    def started(self, *, total_steps: int) -> None:
        self._call("started", total_steps=total_steps)

    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        self._call("metrics", step=step, total_steps=total_steps, values=dict(values))

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None:
        self._call("message", text=text, level=level)

    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        self.line.say(call="checkpoint", given={"step": step, "epoch": epoch, "metrics": dict(metrics)})
        folder = self.line.hear().get("write")
        if folder is not None:
            try:
                write(Path(folder))
            except OSError as error:
                self.line.say(error=str(error))
                raise
            self.line.say(error=None)
            self.line.hear()

    def wanted(self) -> Literal["pause", "cancel"] | None:
        found: Literal["pause", "cancel"] | None = self._call("wanted")
        return found

    def _call(self, name: str, **given: Any) -> Any:
        self.line.say(call=name, given=given)
        return self.line.hear()["value"]


@dataclass(frozen=True, slots=True)
class _Silent:
    """Control of the other processes: they do as the first one is told."""

    def started(self, *, total_steps: int) -> None: ...
    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None: ...
    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None: ...
    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None: ...

    def wanted(self) -> Literal["pause", "cancel"] | None:
        return None


def main(arguments: list[str]) -> None:
    """One of the processes."""
    import torch

    _end_with_parent()
    task = _task(json.loads(Path(arguments[0]).read_text("utf-8")))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rank = torch.distributed.get_rank()
    try:
        if rank == 0:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(arguments[1])
                with closing(_Line(connection)) as line:
                    _first(task, line)
        else:
            _other(task, rank)
    finally:
        torch.distributed.destroy_process_group()


def _first(task: TrainingTask, line: _Line) -> None:
    from finetune.trainers.lora import train_here

    try:
        done = train_here(task, _Told(line))
    except TrainingFailedError as error:
        told = {
            "sentence": str(error),
            "code": error.code,
            "param": error.param,
            "retryable": error.retryable,
        }
        line.say(call="failed", given=told)
        return
    line.say(
        call="done", given={"trained": None if done is None else asdict(done) | {"folder": str(done.folder)}}
    )


def _other(task: TrainingTask, rank: int) -> None:
    """In a folder of its own, which is thrown away: the first one's is the job's."""
    from finetune.trainers.lora import train_here

    folder = Path(tempfile.mkdtemp(prefix=f"gt-{rank}-"))
    try:
        train_here(replace(task, folder=folder), _Silent())
    except TrainingFailedError:
        return  # the first one met the same, and says it
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    """The launcher starts sessions of their own: a process whose launcher was killed ends itself."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _as_json(task: TrainingTask) -> dict[str, Any]:
    given = asdict(task)
    return given | {name: None if given[name] is None else str(given[name]) for name in _PATHS}


def _task(given: dict[str, Any]) -> TrainingTask:
    return TrainingTask(
        **given | {name: None if given[name] is None else Path(given[name]) for name in _PATHS}
    )


def _trained(given: dict[str, Any] | None) -> Trained | None:
    return None if given is None else Trained(**given | {"folder": Path(given["folder"])})


if __name__ == "__main__":
    main(sys.argv[1:])
