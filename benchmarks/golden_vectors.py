"""Writes tests/local/data/golden_vectors.json: what sentence-transformers makes of a few hard texts.

Run it with the peer's Python (benchmarks/requirements.txt) and the folder of the published model:

    /tmp/peer/bin/python benchmarks/golden_vectors.py MODEL_DIR tests/local/data/golden_vectors.json

A text is stored as a pattern and how often it repeats, a vector as base64 of 384 little-endian float32.
"""

from __future__ import annotations

import base64
import json
import sys
from importlib.metadata import version
from pathlib import Path

TEXTS: list[tuple[str, int]] = [
    ("What is the notice period for employees on probation?", 1),
    ("The supplier shall deliver the goods within 30 days; late delivery costs 0.5 % per day.", 1),
    ("", 1),
    (" \t\n\u00a0", 1),
    ("a", 1),
    ("Ünïcödé naïve café ﬁnancial ½ Ⅷ", 1),
    ("Kündigungsfrist beträgt drei Monate zum Quartalsende.", 1),
    ("Çalışanların yıllık izin hakkı on dört gündür.", 1),
    ("مدة الإشعار ثلاثون يومًا للموظفين", 1),
    ("通知期限は三十日です。契約書を確認してください。", 1),
    ("🚀 Launch 👩‍👩‍👧 day 🇩🇪!!!", 1),
    ("null\u0000byte, soft\u00adhyphen, zero\u200bwidth, bell\u0007", 1),
    ("def encode(texts: list[str]) -> np.ndarray:\n    return model(texts)[0]  # <b>&amp;</b>", 1),
    ("| Item | Price |\n|---|---|\n| Widget A | €12.50 |\n| Widget B | €7.00 |", 1),
    ("[CLS] tokens [SEP] written [MASK] out [PAD]", 1),
    ("x" * 150, 1),
    ("Each department keeps its own record of expenses and sends it to finance monthly. ", 12),
    ("Quarterly revenue grew by 7.3 percent, driven by services in the northern region. ", 40),
]


def main(model_dir: str, target: str) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(model_dir, device="cpu")
    vectors = model.encode([pattern * times for pattern, times in TEXTS], batch_size=1)
    rows = [
        {
            "pattern": pattern,
            "times": times,
            "vector": base64.b64encode(vector.astype("<f4").tobytes()).decode(),
        }
        for (pattern, times), vector in zip(TEXTS, vectors, strict=True)
    ]
    made_with = {name: version(name) for name in ("sentence-transformers", "transformers", "torch")}
    Path(target).write_text(
        json.dumps({"made_with": made_with, "texts": rows}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
