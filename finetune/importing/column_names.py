"""What columns and fields are called, in many languages, and which part of a row they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

Role = Literal[
    "question", "answer", "system", "context", "history", "chosen", "rejected",
    "group", "document", "id", "role", "text", "weight",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)

# Each language's words, most telling first; compared without case, accents, blanks and punctuation.
_NAMES: Mapping[Role, str] = {
    "question": "question questions instruction instructions prompt query user human input request inquiry enquiry "
    "usermessage userinput userprompt customermessage customer utterance q frage fragen anfrage kundenfrage "
    "benutzerfrage nutzer benutzer aufgabe anweisung eingabe vraag vragen instructie invoer opdracht pregunta "
    "consulta instruccion entrada usuario requete demande entree utilisateur consigne domanda richiesta utente "
    "istruzione ingresso pergunta questao instrucao pytanie instrukcja soru talimat girdi kullanici вопрос запрос "
    "инструкция пользователь питання fraga instruktion anvandare sporgsmal sporsmal bruker kysymys otazka dotaz 问题 "
    "問題 提问 指令 输入 用户 質問 質問文 入力 ユーザー 질문 입력 사용자 "
    "سؤال السؤال prasna प्रश्न pertanyaan câuhỏi cauhoi",
    "answer": "answer answers response responses completion output reply assistant gpt bot agent agentreply "
    "assistantmessage modelresponse target solution resolution goldanswer expectedoutput expectedanswer "
    "referenceanswer idealanswer a antwort antworten antworttext losung ausgabe assistent antwoord reactie uitvoer "
    "oplossing respuesta salida asistente respuestas reponse sortie assistantreponse risposta uscita assistente "
    "resposta saida odpowiedz yanit cevap cikti ответ ответы вывод ассистент відповідь svar utdata assistent vastaus "
    "odpoved 回答 答案 答え 回复 输出 助手 応答 出力 답변 응답 대답 출력 "
    "جواب الجواب اجابة الاجابة إجابة jawaban traloi उत्तर",
    "system": "system systemprompt systemmessage systemprompttext developer persona systemnachricht systemaufforderung "
    "sistema systeme mensajedelsistema система 系统 系统提示 システム 시스템",
    "context": "context contexts passage passages background evidence reference sourcetext kontext hintergrund "
    "textstelle contesto contexte contexto passaggio achtergrond контекст sammanhang kontekst 上下文 背景 文脈 문맥 "
    " سياق",
    "history": "history chathistory conversationhistory verlauf historique historial geschiedenis 历史",
    "chosen": "chosen preferred preferredoutput preferredanswer preferredresponse winner goodanswer better bevorzugt "
    "besser gut elegida preferida prefere choisi preferee scelta voorkeur",
    "rejected": "rejected nonpreferred nonpreferredoutput dispreferred rejectedanswer rejectedresponse loser badanswer "
    "worse abgelehnt schlechter schlecht rechazada rechazado rejete rejetee rifiutata afgewezen",
    "group": "group groupid conversationid conversation threadid thread ticketid ticket ticketnumber ticketno caseid "
    "casenumber sessionid session dialogid dialogueid dialogue chatid vorgang vorgangsnummer fallnummer gruppe "
    "ticketnummer gesprach groupe dossier grupo caso conversacion gruppo zaaknummer",
    "document": "document documentid sourcedocument doc docid sourcefile filename dokument dokumentname datei quelle "
    "documento fichier bestand",
    "id": "id uid uuid rowid exampleid recordid nr no number nummer lfdnr",
    "role": "role author speaker sender from sprecher rolle absender autor rol auteur parlante spreker",
    "text": "text content message value body inhalt nachricht contenido texto texte contenu message messaggio testo "
    "bericht tekst",
    "weight": "weight gewicht poids peso",
}  # fmt: skip
# Taken where nothing better is there: a text and what it is classified as.
_WEAK: Mapping[Role, str] = {
    "question": "text sentence comment message content satz email review statement "
    "problem task description beschreibung key term begriff",
    "answer": "label class category intent sentiment summary translation definition explanation sql code kategorie "
    "klasse zusammenfassung ubersetzung erklarung categorie etiqueta resumen etichetta categoria",
}
# Perhaps a question or an answer: a person must say so.
_DOUBTFUL: Mapping[Role, str] = {
    "question": "title subject betreff titel",
    "answer": "value body text content",
}
_SHORTEST_ENDING = 5  # letters: "Kundenfrage" ends with "frage"


def plain(name: str) -> str:
    """ "Kunden-Frage (DE)" -> "kundenfragede": without case, accents, blanks and punctuation."""
    spread = unicodedata.normalize(
        "NFKD", name.casefold().replace("ß", "ss").replace("ł", "l").replace("ø", "o")
    )
    return "".join(character for character in spread if character.isalnum())


def _known(names: Mapping[Role, str]) -> dict[Role, frozenset[str]]:
    return {role: frozenset(map(plain, words.split())) for role, words in names.items()}


_STRONG_NAMES = _known(_NAMES)
_WEAK_NAMES, _DOUBTFUL_NAMES = _known(_WEAK), _known(_DOUBTFUL)


@lru_cache(maxsize=4096)
def roles_of(name: str) -> tuple[tuple[Role, float], ...]:
    """The roles that a column of this name can have with their certainty, 0 to 1, the surest first."""
    whole, words = plain(name), _words(name)
    found: dict[Role, float] = {}
    for role, names in _STRONG_NAMES.items():
        if whole in names:
            found[role] = 1.0
        elif len(words) > 1 and len(words[-1]) > 1 and words[-1] in names:
            found[role] = 0.8
        elif any(word in names and len(word) > 2 for word in words):
            found[role] = 0.6
        elif any(whole.endswith(ending) for ending in names if len(ending) >= _SHORTEST_ENDING):
            found[role] = 0.5
    for certainty, weaker in ((0.55, _WEAK_NAMES), (0.4, _DOUBTFUL_NAMES)):
        for role, names in weaker.items():
            if whole in names:
                found.setdefault(role, certainty)
    return tuple(sorted(found.items(), key=lambda one: -one[1]))


def _words(name: str) -> list[str]:
    """ "userMessage_text" -> user, message, text."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for part in re.split(r"[\W_]+", split) if (word := plain(part))]


def assign(names: Sequence[str]) -> dict[str, str]:
    """For each Role the column that is called so most clearly; a column has one role.

    "input" beside "instruction" is what the instruction is about: the context.
    """
    wanted = sorted(
        (
            (-certainty, place, role, name)
            for place, name in enumerate(names)
            for role, certainty in roles_of(name)
        ),
        key=lambda one: one[:2],
    )
    chosen: dict[str, str] = {}
    for _, _, role, name in wanted:
        if role not in chosen and name not in chosen.values():
            chosen[role] = name
    return _with_input_as_context(names, chosen)


def _with_input_as_context(names: Sequence[str], chosen: dict[str, str]) -> dict[str, str]:
    by_plain = {plain(name): name for name in names}
    if "instruction" in by_plain and "input" in by_plain:
        chosen["question"] = by_plain["instruction"]
        chosen.setdefault("context", by_plain["input"])
    return chosen
