"""Advisor, on the page: answers in plain words, advice that follows them at once, the newest evaluation beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.workspace import Workspace
from evaluation.advice.factors import framework
from tests.app.test_advise import measured_run
from tests.app.test_pages import SHELL, assert_sound, drawn_text, encoder, words, workspace

__all__ = ["encoder", "workspace"]  # fixtures
PAGE = "../pages/advisor.py"


@pytest.fixture
def page(workspace: Workspace) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    app.switch_page(PAGE).run()
    assert_sound(app)
    return app


def answer(app: AppTest, **levels: int | None) -> AppTest:
    for name, level in levels.items():
        app.selectbox(key=f"advisor_{name}").set_value(level).run()
    assert_sound(app)
    return app


def test_every_factor_is_asked_in_plain_words_and_none_is_answered(page: AppTest) -> None:
    asked = {one.label for one in page.selectbox}
    assert asked >= {factor.question for factor in framework().factors}
    assert "no question is answered yet" in words(page)
    assert "not measured" in words(page)


def test_the_advice_follows_each_answer_with_reasons_gates_and_flips(page: AppTest) -> None:
    answer(page, volatility=4, attribution=4)
    assert "Choose RAG (lean)" in words(page)
    assert "13 of 15 questions are open" in words(page)
    assert "most of it, or every week" in words(page)
    drawn = drawn_text(page)
    assert "Only a mode that reads documents" in drawn
    assert "would advise" in words(page)
    assert "ruled out" in drawn
    answer(page, volatility=0, attribution=0, style=4, data=4)
    assert "Choose Fine-tuned (lean)" in words(page)


def test_an_answer_can_be_taken_back_and_all_forgotten(page: AppTest) -> None:
    answer(page, volatility=4, style=4)
    answer(page, style=None)
    assert page.session_state["advisor_levels"] == {"volatility": 4}
    page.button(key="advisor_forget").click().run()
    assert_sound(page)
    assert page.session_state["advisor_levels"] == {}
    assert "no question is answered yet" in words(page)


def test_answers_stay_when_another_page_is_opened(page: AppTest) -> None:
    answer(page, volatility=4)
    page.switch_page("../pages/settings.py").run()
    page.switch_page(PAGE).run()
    assert page.selectbox(key="advisor_volatility").value == 4
    assert "Choose RAG" in words(page)


def test_volume_and_prices_move_the_break_even(page: AppTest) -> None:
    page.text_input(key="advisor_model_model").set_value("openai:gpt-6-sol").run()
    page.text_input(key="advisor_model_tuned").set_value("openai:gpt-4.1-mini").run()
    page.number_input(key="advisor_cost_questions").set_value(70_000.0).run()
    assert_sound(page)
    assert "At 70,000 questions a month" in words(page)
    assert "Fine-tuned against RAG, if both are right as often: cheaper from" in words(page)
    assert "2027-01-14" in words(page)
    (shown,) = (one.value for one in page.code)
    assert shown.endswith("--cost questions=70000 --model openai:gpt-6-sol --tuned-model openai:gpt-4.1-mini")


def test_a_model_without_a_price_is_said_not_guessed(page: AppTest) -> None:
    page.text_input(key="advisor_model_model").set_value("compatible:somebody's <b>").run()
    assert_sound(page)
    assert "a price is lacking" in words(page)


def test_the_newest_evaluation_stands_beside_and_outweighs(workspace: Workspace, tmp_path: Path) -> None:
    run = measured_run(tmp_path, {"rag": 10, "hybrid": 38})
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    app.switch_page(PAGE).run()
    answer(app, volatility=4)
    assert run in words(app)
    assert "contradicts it: Hybrid" in words(app)
    assert "Choose Hybrid (clear)" in words(app)
    (measured,) = (one.value for one in app.dataframe if "Right (95 %)" in one.value.columns)
    assert list(measured["Mode"]) == ["RAG", "Hybrid"]
