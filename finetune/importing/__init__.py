"""Files of any common form -> rows: what a file is, how it would be read, and its records one by one.

found = recognise(Path("faq.xlsx"))
found.mapping                           {"question": "Frage", "answer": "Antwort"}
for one in read_examples(found.path, found):   # Example, or Refused with file, line, field and fix
    ...
"""

from finetune.importing.containers import DATA_SUFFIXES
from finetune.importing.forms import FORMS, SUMMARIES, Form
from finetune.importing.reading import read_examples
from finetune.importing.recognising import Alternative, Recognition, recognise

__all__ = [
    "DATA_SUFFIXES", "FORMS", "SUMMARIES", "Alternative", "Form", "Recognition", "read_examples", "recognise"
]  # fmt: skip
