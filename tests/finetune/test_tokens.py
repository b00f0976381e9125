"""Counting tokens: tiktoken with its vocabulary here, fetched or missing; how far off the estimate is without it."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import DatasetFormatError
from finetune import tokens
from finetune.token_estimate import ERROR, estimate_tokens
from finetune.tokens import EstimatedTokenizer, TiktokenTokenizer, Vocabularies, folder_tokenizer
from tests.finetune.model_folders import model_folder

# (language, text, tokens of it in o200k_base as tiktoken 0.14 counts them with the published vocabulary)
COUNTED = [
    pytest.param(
        "Every employee has 27 days of paid leave a year. Requests go to the team lead at"
        " least two weeks before the first day, and unused days may be carried over until"
        " the end of March. If you fall ill during your holiday, tell us on the first day"
        " and send a doctor's note; those days are given back to you.",
        68,
        id="English",
    ),
    pytest.param(
        "Jede Mitarbeiterin und jeder Mitarbeiter hat 27 Tage bezahlten Urlaub im Jahr. A"
        "nträge gehen spätestens zwei Wochen vor dem ersten Tag an die Teamleitung, und n"
        "icht genommene Tage können bis Ende März übertragen werden. Wer im Urlaub krank "
        "wird, meldet sich am ersten Tag und reicht ein Attest ein.",
        65,
        id="German",
    ),
    pytest.param(
        "Chaque salarié dispose de 27 jours de congés payés par an. Les demandes sont adr"
        "essées au responsable d'équipe au moins deux semaines avant le premier jour, et "
        "les jours non pris peuvent être reportés jusqu'à la fin du mois de mars. En cas "
        "de maladie, prévenez-nous dès le premier jour.",
        65,
        id="French",
    ),
    pytest.param(
        "Cada empleado tiene 27 días de vacaciones pagadas al año. Las solicitudes se env"
        "ían al jefe de equipo al menos dos semanas antes del primer día, y los días no d"
        "isfrutados pueden trasladarse hasta finales de marzo. Si se pone enfermo, avise "
        "el primer día y envíe un justificante médico.",
        65,
        id="Spanish",
    ),
    pytest.param(
        "Iedere medewerker heeft 27 dagen betaald verlof per jaar. Aanvragen gaan uiterli"
        "jk twee weken voor de eerste dag naar de teamleider, en niet opgenomen dagen mog"
        "en tot eind maart worden meegenomen. Wie tijdens de vakantie ziek wordt, meldt d"
        "at op de eerste dag en stuurt een doktersverklaring.",
        60,
        id="Dutch",
    ),
    pytest.param(
        "Każdy pracownik ma 27 dni płatnego urlopu rocznie. Wnioski należy składać do kie"
        "rownika zespołu co najmniej dwa tygodnie przed pierwszym dniem, a niewykorzystan"
        "e dni można przenieść do końca marca. Kto zachoruje w czasie urlopu, zgłasza to "
        "pierwszego dnia i przesyła zaświadczenie lekarskie.",
        86,
        id="Polish",
    ),
    pytest.param(
        "Her çalışanın yılda 27 gün ücretli izni vardır. Talepler ilk günden en az iki ha"
        "fta önce ekip liderine iletilir ve kullanılmayan günler mart ayının sonuna kadar"
        " devredilebilir. İzin sırasında hastalanan kişi ilk gün haber verir ve doktor ra"
        "poru gönderir.",
        64,
        id="Turkish",
    ),
    pytest.param(
        "Jokaisella työntekijällä on 27 päivää palkallista lomaa vuodessa. Hakemukset toi"
        "mitetaan tiiminvetäjälle vähintään kaksi viikkoa ennen ensimmäistä päivää, ja pi"
        "tämättömät päivät voi siirtää maaliskuun loppuun asti. Lomalla sairastunut ilmoi"
        "ttaa siitä ensimmäisenä päivänä.",
        76,
        id="Finnish",
    ),
    pytest.param(
        "Каждый сотрудник имеет 27 дней оплачиваемого отпуска в год. Заявления подаются р"
        "уководителю группы не позднее чем за две недели до первого дня, а неиспользованн"
        "ые дни можно перенести до конца марта. Кто заболел во время отпуска, сообщает об"
        " этом в первый день.",
        63,
        id="Russian",
    ),
    pytest.param(
        "Κάθε εργαζόμενος έχει 27 ημέρες άδειας μετ' αποδοχών τον χρόνο. Οι αιτήσεις υποβ"
        "άλλονται στον υπεύθυνο της ομάδας τουλάχιστον δύο εβδομάδες πριν από την πρώτη η"
        "μέρα.",
        54,
        id="Greek",
    ),
    pytest.param(
        "لكل موظف سبعة وعشرون يوما من الإجازة المدفوعة في السنة. تقدم الطلبات إلى رئيس ال"
        "فريق قبل أسبوعين على الأقل من اليوم الأول، ويمكن ترحيل الأيام غير المستعملة حتى "
        "نهاية شهر مارس.",
        49,
        id="Arabic",
    ),
    pytest.param(
        "हर कर्मचारी को साल में 27 दिन की सवेतन छुट्टी मिलती है। आवेदन पहले दिन से कम से "
        "कम दो सप्ताह पहले टीम लीडर को दिए जाते हैं, और बची हुई छुट्टियाँ मार्च के अंत तक"
        " ली जा सकती हैं।",
        54,
        id="Hindi",
    ),
    pytest.param(
        "従業員には年間27日の有給休暇があります。申請は初日の少なくとも二週間前までにチー"
        "ムリーダーに提出してください。使わなかった日数は三月末まで繰り越すことができます。",
        56,
        id="Japanese",
    ),
    pytest.param(
        "每位员工每年有27天带薪假期。申请须至少在第一天前两周提交给团队负责人，未使"
        "用的天数可以结转到三月底。休假期间生病的员工应在第一天通知公司并提交医生证明。",
        57,
        id="Chinese",
    ),
    pytest.param(
        "모든 직원은 연간 27일의 유급 휴가를 가집니다. 신청은 첫날로부터 최소 2주"
        " 전에 팀장에게 제출하며, 사용하지 않은 날은 3월 말까지 이월할 수 있습니다.",
        52,
        id="Korean",
    ),
    pytest.param(
        "พนักงานทุกคนมีวันหยุดพักผ่อนโดยได้รับค่าจ้างปีละ 27 วัน กรุณายื่นคำขอต่อหัวหน้าทีมอย่างน้อยสองสัปดาห์ก่อนวันแรก",
        45,
        id="Thai",
    ),
    pytest.param(
        'def total(rows: list[Row], *, price: float = 4.50) -> float:\n    """US dollars."'
        '""\n    return sum(row.days * price for row in rows if row.kind == "paid") / 100\n'
        '\n\nfor name, rows in by_team.items():\n    print(f"{name}: {total(rows):.2f}")\n',
        71,
        id="Python",
    ),
    pytest.param(
        '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "cont'
        'ent": "What is 12 + 30?"}, {"role": "assistant", "content": "42"}], "parallel_to'
        'ol_calls": false}',
        56,
        id="JSON",
    ),
]
MERGES = ("he", "ll", "hell", "hello", " w", "or", "ld")
NAME = "o200k_base"


def vocabulary() -> bytes:
    """A vocabulary in tiktoken's own form: every byte, and a few merges."""
    entries = [bytes([byte]) for byte in range(256)] + [merge.encode() for merge in MERGES]
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(entries))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The published vocabulary, replaced by the small one: real files, real tiktoken."""
    data = vocabulary()
    published = tokens._VOCABULARIES[NAME]
    made = tokens._Vocabulary(
        url=published.url, sha256=hashlib.sha256(data).hexdigest(), pattern=published.pattern
    )
    monkeypatch.setattr(tokens, "_VOCABULARIES", {NAME: made})
    return data


class Fetching:
    """What the network would say, and how often it was asked."""

    def __init__(self, answer: bytes | OSError) -> None:
        self.answer, self.asked = answer, 0

    def __call__(self, url: str) -> bytes:
        self.asked += 1
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def here(folder: Path, fetch: Fetching | None = None, now: float = 0.0, **environment: str) -> Vocabularies:
    return Vocabularies(folder=folder, fetch=fetch, environment=environment, clock=lambda: now)


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_the_estimate_is_within_its_error(text: str, counted: int) -> None:
    assert abs(estimate_tokens(text) - counted) <= ERROR * counted


def test_the_estimate_of_many_languages_is_close() -> None:
    whole = sum(param.values[1] for param in COUNTED)  # type: ignore[misc]
    assert abs(sum(estimate_tokens(str(param.values[0])) for param in COUNTED) - whole) <= 0.08 * whole


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_has_an_estimate(text: str) -> None:
    assert (estimate_tokens(text) == 0) == (text == "")
    spans = EstimatedTokenizer().spans(text)
    assert "".join(text[start:end] for start, end in spans) == text


def test_without_the_vocabulary_the_count_is_marked(tmp_path: Path, small: bytes) -> None:
    counter = here(tmp_path).tokenizer(NAME)
    assert counter.estimated
    assert counter.error == ERROR
    assert "o200k_base.tiktoken" in str(counter.note)


def test_it_is_fetched_once_and_kept(tmp_path: Path, small: bytes) -> None:
    fetch = Fetching(small)
    assert not here(tmp_path / "v", fetch).tokenizer(NAME).estimated
    assert not here(tmp_path / "v", fetch).tokenizer(NAME).estimated
    assert fetch.asked == 1
    assert (tmp_path / "v" / "o200k_base.tiktoken").read_bytes() == small


@pytest.mark.parametrize(
    "answer", [OSError("no network"), b"something else", b""], ids=["no network", "another file", "nothing"]
)
def test_what_cannot_be_fetched_is_asked_for_once_a_day(
    tmp_path: Path, small: bytes, answer: bytes | OSError
) -> None:
    fetch = Fetching(answer)
    for now in (0.0, 60.0, 86_399.0):
        assert here(tmp_path, fetch, now).tokenizer(NAME).estimated
    assert fetch.asked == 1
    assert here(tmp_path, fetch, 86_401.0).tokenizer(NAME).estimated
    assert fetch.asked == 2
    assert not (tmp_path / "o200k_base.tiktoken").exists()


def test_tiktokens_own_cache_is_used(tmp_path: Path, small: bytes) -> None:
    url = tokens._VOCABULARIES[NAME].url
    (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(small)
    assert not here(tmp_path / "home", TIKTOKEN_CACHE_DIR=str(tmp_path)).tokenizer(NAME).estimated


def test_a_damaged_file_is_fetched_anew(tmp_path: Path, small: bytes) -> None:
    (tmp_path / "o200k_base.tiktoken").write_bytes(small[:-1])
    assert here(tmp_path).tokenizer(NAME).estimated
    assert not here(tmp_path, Fetching(small)).tokenizer(NAME).estimated


def test_a_home_that_cannot_be_written_only_costs_another_fetch(tmp_path: Path, small: bytes) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not here(tmp_path / "file", Fetching(small)).tokenizer(NAME).estimated


@pytest.fixture
def counter(tmp_path: Path, small: bytes) -> TiktokenTokenizer:
    (tmp_path / "o200k_base.tiktoken").write_bytes(small)
    made = here(tmp_path).tokenizer(NAME)
    assert isinstance(made, TiktokenTokenizer)
    return made


def test_it_counts_as_tiktoken_does(counter: TiktokenTokenizer) -> None:
    assert counter.count("hello world") == len(["hello", " w", "or", "ld"])
    assert counter.spans("hello world") == [(0, 5), (5, 7), (7, 9), (9, 11)]
    assert counter.count("<|im_start|>hello<|im_end|>") == 3
    assert counter.count("<|endoftext|>") > 1  # in a row's text it is text, and nothing is refused


@given(text=st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_spans_cover_the_text(text: str) -> None:
    data = vocabulary()
    counter = TiktokenTokenizer(name=NAME, encoding=tokens._encoding(NAME, data))
    spans = counter.spans(text)
    assert len(spans) == counter.count(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert {place for start, end in spans for place in range(start, end)} == set(range(len(text)))


class _Serving(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/hangs":
            self.server.stopped.wait(5)  # type: ignore[attr-defined]
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        self.wfile.write(b"tokens")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Serving)
    made.stopped = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.stopped.set()  # type: ignore[attr-defined]
    made.shutdown()
    made.server_close()
    thread.join()


def test_fetching(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens.fetch(f"{server}/file") == b"tokens"
    for address in (f"{server}/missing", "http://127.0.0.1:9/"):
        with pytest.raises(OSError):
            tokens.fetch(address)
    with monkeypatch.context() as impatient, pytest.raises(OSError):
        impatient.setattr(tokens, "FETCH_TIMEOUT_S", 0.4)
        tokens.fetch(f"{server}/hangs")
    monkeypatch.setattr(tokens, "LARGEST_VOCABULARY", 3)
    with pytest.raises(OSError, match="too large"):
        tokens.fetch(f"{server}/file")


def test_a_local_models_own_tokenizer(tmp_path: Path) -> None:
    counter = folder_tokenizer(model_folder(tmp_path))
    text = "<|im_start|>Paris é 🎉"
    assert counter.spans(text)[0] == (0, len("<|im_start|>"))
    assert counter.count(text) == len(counter.ids(text)) == len(counter.spans(text))
    with pytest.raises(DatasetFormatError, match="save_pretrained"):
        folder_tokenizer(tmp_path / "elsewhere")
