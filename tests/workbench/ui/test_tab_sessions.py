"""Which sessions the server forgets first, and what it keeps of one."""

from __future__ import annotations

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from storage.core.errors import DomainError
from tests.sentences import raises_sentence
from workbench.ui.call_validation import ValidatedBlocks
from workbench.ui.tab_sessions import INVALID_CHOICE, INVALID_NAME, TabSessions


@pytest.fixture
def page() -> ValidatedBlocks:
    with ValidatedBlocks() as page:
        state, field, shown = gr.State(0), gr.Dropdown(["a"]), gr.HTML()
        gr.Button().click(lambda *_: None, [state, field], [state, field, shown])
    page.default_config.open_choices()
    page.parts = state, field, shown
    return page


@pytest.fixture
def sessions(page: ValidatedBlocks) -> TabSessions:
    holder = TabSessions()
    holder.set_blocks(page)
    holder.capacity = 3
    return holder


def test_one_that_holds_nothing_goes_before_one_that_does(
    page: ValidatedBlocks, sessions: TabSessions
) -> None:
    state, *_ = page.parts
    sessions["tab"][state._id] = 7
    for number in range(10):
        _ = sessions[f"script {number}"]
    assert len(sessions.session_data) == 3
    assert sessions["tab"][state._id] == 7


def test_the_one_that_was_not_used_for_longest_goes_first(
    page: ValidatedBlocks, sessions: TabSessions
) -> None:
    state, *_ = page.parts
    for name in ("a", "b", "c"):
        sessions[name][state._id] = name
    _ = sessions["a"]
    sessions["d"][state._id] = "d"
    assert list(sessions.session_data) == ["c", "a", "d"]
    assert sessions["b"][state._id] == 0


def test_what_is_only_shown_is_not_kept(page: ValidatedBlocks, sessions: TabSessions) -> None:
    _, field, shown = page.parts
    session = sessions["tab"]
    session[shown._id], session[field._id] = gr.HTML("much"), gr.Dropdown(["b"])
    session.blocks_config.drop_display_components()
    assert session[shown._id] is shown
    assert session[field._id].choices == [("b", "b")]
    assert sessions["other"][field._id].choices == [("a", "a")]


def test_a_choice_is_checked_against_what_the_tab_was_sent_where_that_is_known(
    page: ValidatedBlocks, sessions: TabSessions
) -> None:
    _, field, _ = page.parts
    assert sessions["tab"][field._id].preprocess("z") == "z"
    with pytest.raises(gr.Error) as error:
        sessions["tab"][field._id].preprocess({"z": 1})
    assert error.value.message == INVALID_CHOICE
    sessions["tab"][field._id] = gr.Dropdown(["b"])
    with pytest.raises(gr.Error, match=r"\bz\b.*\['b'\]"):
        sessions["tab"][field._id].preprocess("z")


def test_a_call_without_a_session_asks_no_block_for_its_config(page: ValidatedBlocks) -> None:
    session = SessionState(page)
    assert list(session.components) == []


@pytest.mark.parametrize("name", ["", "x" * 129, None, 7])
def test_a_session_has_a_short_name(sessions: TabSessions, name: object) -> None:
    with raises_sentence(DomainError, INVALID_NAME):
        _ = sessions[name]
