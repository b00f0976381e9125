"""A runner with the counting worker: python -m tests.finetune.jobs.fake_runner ROOT."""

from __future__ import annotations

import sys

from finetune.jobs import runner
from tests.finetune.jobs.fake_options import known

if __name__ == "__main__":
    with known():
        sys.exit(runner.main(sys.argv[1:], worker="tests.finetune.jobs.fake_worker"))
