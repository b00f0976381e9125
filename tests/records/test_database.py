"""groundtune.db: its steps, its settings, who may read the file, and what is refused in a sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from app.records.database import Database
from app.records.migrations import MIGRATIONS, Migration
from app.records.store import Records
from app.records.tables import METADATA
from errors import RecordsBusyError, RecordsDamagedError, SettingsError

FURTHER = (
    *MIGRATIONS,
    Migration(name="jobs", statements=("CREATE TABLE jobs (id TEXT NOT NULL PRIMARY KEY)",)),
)


def names(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY rowid")]
    connection.close()
    return found


def test_the_steps_make_the_tables_that_the_queries_name(path: Path) -> None:
    Database(path).close()
    engine = create_engine(f"sqlite:///{path}")
    seen = inspect(engine)
    made = {
        table: {
            (column["name"], bool(column["nullable"]), bool(column["primary_key"]))
            for column in seen.get_columns(table)
        }
        for table in seen.get_table_names()
        if table != "migrations"
    }
    engine.dispose()
    assert made == {
        name: {(column.name, bool(column.nullable), column.primary_key) for column in table.columns}
        for name, table in METADATA.tables.items()
    }


def test_each_step_is_applied_once_in_order(path: Path) -> None:
    Database(path).close()
    assert names(path) == [step.name for step in MIGRATIONS]
    Database(path, steps=FURTHER).close()
    Database(path, steps=FURTHER).close()
    assert names(path) == [step.name for step in FURTHER]


def test_a_step_that_fails_leaves_nothing_of_itself(path: Path) -> None:
    broken = Migration(name="jobs", statements=("CREATE TABLE jobs (id TEXT)", "CREATE TABLE jobs (id TEXT)"))
    with pytest.raises(RecordsDamagedError):
        Database(path, steps=(*MIGRATIONS, broken))
    assert names(path) == [step.name for step in MIGRATIONS]
    Database(path, steps=FURTHER).close()
    assert names(path)[-1] == "jobs"


def test_two_that_start_at_once_apply_each_step_once(path: Path) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            Database(path, steps=FURTHER).close()
        except BaseException as error:  # noqa: BLE001 - looked at below
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert names(path) == [step.name for step in FURTHER]


def test_a_newer_file_is_refused_in_a_sentence(path: Path) -> None:
    Database(path, steps=FURTHER).close()
    with pytest.raises(RecordsDamagedError) as refused:
        Database(path)
    assert str(refused.value) == (
        "The database of conversations was written by a newer Groundtune (it knows 'jobs'): "
        "update Groundtune to open it."
    )


def test_every_connection_keeps_what_it_promises(path: Path) -> None:
    database = Database(path)
    asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    with database.read() as first, database.read() as second:
        for connection in (first, second):
            found = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in asked]
            assert found == ["wal", 2, 1, 1, 15_000]
    database.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_files_are_their_users_alone(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    path.chmod(0o644)
    database = Database(path)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (a TEXT)"))
        modes = {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert len(list(path.parent.iterdir())) == 3
    assert modes == {0o600}
    database.close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one", os.urandom(4096)])
def test_what_is_no_database_is_one_sentence(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(RecordsDamagedError, match=r"cannot be used .*check the disk"):
        Records.open(path)


def test_a_folder_in_its_place_is_one_sentence(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(RecordsDamagedError, match="cannot be used"):
        Records.open(path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://me:secret@host/db", "names 'postgresql', which this version cannot use"),
        ("://", "is no address of a database"),
        ("sqlite://", "names 'sqlite', which this version cannot use"),
    ],
)
def test_another_database_is_refused_without_its_password(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as refused:
        Records.open(url)
    assert "secret" not in str(refused.value)


def test_an_url_names_a_file_too(path: Path) -> None:
    path.parent.mkdir()
    Records.open(f"sqlite:///{path}").close()
    assert path.is_file()


def test_a_second_writer_waits_and_then_says_so(path: Path) -> None:
    first, second = Database(path), Database(path, busy_seconds=0.2)
    with first.write(), pytest.raises(RecordsBusyError, match="wait for it to finish"), second.write():
        pass
    with second.write(), second.read():
        pass
    first.close()
    second.close()


def test_a_transaction_that_fails_writes_nothing(path: Path) -> None:
    database = Database(path)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("CREATE TABLE t (a TEXT)"))
        raise ZeroDivisionError
    with database.read() as connection:
        assert not connection.execute(text("SELECT name FROM sqlite_master WHERE name = 't'")).all()
    database.close()


def test_opening_waits_for_another_that_is_just_making_the_file(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE theirs (a TEXT)")
    release = threading.Timer(0.3, other.execute, ["COMMIT"])
    release.start()
    Database(path).close()
    release.join()
    other.close()
    assert names(path) == [step.name for step in MIGRATIONS]
