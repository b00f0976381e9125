"""Writes every built document of the sample company, byte for byte the same on each run.

    python -m examples.build                  into examples/company
    python -m examples.build --out FOLDER     into another folder, as the tests do

Needs reportlab (requirements-dev.txt) beside the base install. Markdown, HTML and plain-text documents are
written by hand and are not touched.
"""

import argparse
from pathlib import Path

from examples.build import catalogue, contacts, fleet, mail, pdf, prices, slides, suppliers, word

COMPANY = Path(__file__).resolve().parent.parent / "company"


def build(folder: Path) -> list[Path]:
    """Every built document, written below `folder`; the paths in the order of writing."""
    writers = (
        pdf.write_all,
        word.write_all,
        prices.write,
        suppliers.write,
        fleet.write,
        contacts.write,
        catalogue.write,
        mail.write_all,
        slides.write,
    )
    return [path for writer in writers for path in writer(folder)]


def main() -> None:
    """Parse the command line, build, and name each file."""
    parser = argparse.ArgumentParser(prog="python -m examples.build", description="Build the sample company.")
    parser.add_argument("--out", type=Path, default=COMPANY, help="folder to write below")
    for path in build(parser.parse_args().out):
        print(path)  # noqa: T201


if __name__ == "__main__":
    main()
