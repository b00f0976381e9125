"""Cores and int8 support are read from what the system says, with every form it comes in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.processor import has_fast_int8, usable_cores


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "9900000 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu.max": "nonsense"}, None),
    ],
)
def test_a_container_quota_cuts_the_cores_down(
    tmp_path: Path, files: dict[str, str], limit: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    everything = usable_cores(tmp_path / "nothing")
    assert usable_cores(tmp_path) == (limit or everything)
    assert everything >= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc/cpuinfo")
@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx512f amx_tile amx_int8", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t: fpu not_avx_vnni", False),
        ("Features\t: fp asimd asimddp i8mm", False),
        ("", False),
    ],
)
def test_int8_is_chosen_where_vnni_or_amx_is(tmp_path: Path, flags: str, fast: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{flags}\nbugs\t\t: avx_vnni\n")
    assert has_fast_int8(cpuinfo) is fast


def test_a_missing_cpuinfo_means_no(tmp_path: Path) -> None:
    assert has_fast_int8(tmp_path / "none") is False
