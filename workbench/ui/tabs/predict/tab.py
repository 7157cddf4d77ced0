"""The Predict tab: classify one picture, the frames of a camera, or many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from storage.training.registry import PRODUCTION
from workbench.core.errors import RejectedPicture
from workbench.imaging.memory_budget import PATIENCE
from workbench.services import Services
from workbench.serving.service import Prediction
from workbench.ui.components.camera import camera, decode_frame
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.file_transfer import read_upload
from workbench.ui.payload import Payload
from workbench.ui.tabs.predict import batch
from workbench.ui.tabs.predict.html import answer_html, refusal_html, waiting_html

TRAIN, CHOOSE, PUT_TO_WORK = "Train a model", "Choose a model", "Put {name} to work"
WAITING = "Drop a picture, paste one or choose a file. The answer appears here."


@dataclass(frozen=True)
class PredictView:
    """The components of the tab."""

    model: gr.Dropdown
    notice: gr.HTML
    go: gr.Button
    picture: gr.Image
    result: gr.HTML
    camera: gr.HTML


def build(context: TabContext) -> None:
    """Build the tab."""
    view = _view(context.services)
    _bind(context, view)


def _view(services: Services) -> PredictView:
    with gr.Row(elem_id="predict-head"):
        model = gr.Dropdown(
            [("production", PRODUCTION)],
            value=PRODUCTION,
            label="Model to ask",
            elem_id="predict-model",
            min_width=240,
        )
        notice = gr.HTML(visible=False, elem_id="predict-notice")
        go = gr.Button(TRAIN, variant="primary", visible=False, scale=0, elem_id="predict-go")
    with gr.Tabs(elem_id="predict-sections"):
        with gr.Tab("Picture", elem_id="predict-one"), gr.Row(elem_classes="work halves"):
            picture = gr.Image(
                sources=["upload", "clipboard"], type="filepath", label="Picture", height=380, buttons=[], alt_text="The picture to classify",
                elem_id="predict-picture",
            )  # fmt: skip
            result = gr.HTML(waiting_html(WAITING), elem_id="predict-result")
        with gr.Tab("Camera", elem_id="predict-live"):
            camera_component = camera(_predictor_function(services), PRODUCTION, "predict-camera")
        with gr.Tab("Many pictures", elem_id="predict-many-tab"):
            batch.build(services, model)
    return PredictView(model, notice, go, picture, result, camera_component)


def _bind(context: TabContext, view: PredictView) -> None:
    services = context.services

    @guarded
    def refresh(model: str) -> tuple[object, ...]:
        options = _model_choices(services)
        model = model if model in {value for _, value in options} else PRODUCTION
        return (gr.update(choices=options, value=model), *_problem_updates(services, model))

    @guarded
    def classify(file: dict[str, Any] | None, model: str) -> tuple[object, str]:
        if file is None:
            return gr.skip(), waiting_html(WAITING)
        try:
            data = read_upload(file, services.settings.limits, reused=True)
            return gr.skip(), _answer_html(services, services.predictor.predict(data, model, PATIENCE))
        except RejectedPicture as error:
            # Clear the field, since the browser cannot display the file either.
            return None, refusal_html(str(error))
        except DomainError as error:
            return gr.skip(), refusal_html(str(error))

    @guarded
    def model_changed(model: str) -> tuple[object, ...]:
        return (*_problem_updates(services, model), gr.update(model=model))

    @guarded
    def next_step(model: str, step: str, request: gr.Request) -> tuple[object, ...]:
        if step in (CHOOSE, TRAIN):
            return (open_tab("models" if step == CHOOSE else "train"), *[gr.skip()] * len(chosen_outputs))
        version = services.predictor.stand_in()
        # Otherwise another version came, or one was promoted, since the button was shown: it is shown anew.
        if version and step == PUT_TO_WORK.format(name=version.name):
            services.stores.registry.promote(version.name, PRODUCTION, "", actor(request))
            gr.Info(f"{version.name} is in production.")
        return (gr.skip(), *refresh(model))

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    notice_outputs = [view.notice, view.go]
    chosen_outputs = [view.model, *notice_outputs]
    context.tab.select(refresh, view.model, chosen_outputs, queue=False, **quiet)
    view.model.input(model_changed, view.model, [*notice_outputs, view.camera], queue=False, **quiet)
    # Without preprocessing: Gradio would open the file first and show an error of its own if that fails.
    gr.on(
        [view.picture.input, view.picture.clear, view.model.input],
        classify,
        [view.picture, view.model],
        [view.picture, view.result],
        preprocess=False,
        # A picture that is dropped while the previous one is processed is classified too.
        trigger_mode="always_last",
        **quiet,
    )
    view.go.click(next_step, [view.model, view.go], [context.tabs, *chosen_outputs], queue=False, **quiet)


def _predictor_function(services: Services) -> Any:
    def predict_unlogged(request: Any) -> str:
        try:
            payload = Payload.of(request)
            frame = decode_frame(payload.text("picture"), services.stores.decoder)
            prediction = services.predictor.predict_unlogged(frame, payload.text("model"))
            # A fixed order for all frames: bars that change places are unreadable.
            return _answer_html(services, prediction, sorted(prediction.scores))
        except Exception as error:
            return refusal_html(sentence(error))

    return predict_unlogged


def _answer_html(services: Services, prediction: Prediction, order: Sequence[str] = ()) -> str:
    colours = services.stores.classes.colours()
    return answer_html(prediction, services.stores.registry.get(prediction.version), colours, order)


def _model_choices(services: Services) -> list[tuple[str, str]]:
    """The choices of aliases and versions, as (label, value)."""
    registry = services.stores.registry
    versions = registry.versions()
    aliases = {alias: version.name for version in versions for alias in version.aliases}
    names = [PRODUCTION, *sorted(set(aliases) - {PRODUCTION})]
    choices = [(f"{name} ({aliases.get(name, 'none yet')})", name) for name in names]
    return choices + [(version.name, version.name) for version in versions]


def _problem_updates(services: Services, model: str) -> tuple[object, object]:
    """Updates of the notice and of the button to the next step, both shown only if another model answers or none."""
    try:
        services.predictor.signature(model)
    except DomainError as error:
        text = CHOOSE if services.stores.registry.versions() else TRAIN
        message = refusal_html(str(error))
        return gr.update(value=message, visible=True), gr.update(value=text, visible=True)
    version = services.predictor.stand_in() if model == PRODUCTION else None
    if version is None:
        return gr.update(visible=False), gr.update(visible=False)
    message = refusal_html(f"No version is in production yet, so {version.name}, the newest, answers.")
    return gr.update(value=message, visible=True), gr.update(
        value=PUT_TO_WORK.format(name=version.name), visible=True
    )
