"""The choices of the training form and their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from workbench.backbones.definitions import BACKBONES, FROM_SCRATCH, PRETRAINED, Backbone
from workbench.backbones.weights import WeightsState, weights_state
from workbench.training.spec import BEST, FINE_TUNE, INSTANT, SCRATCH, TrainingSpec
from workbench.ui.components.html import table
from workbench.ui.components.spec_words import minutes_text

Choices = tuple[tuple[str, str], ...]

# The fastest recipe first.
RECIPES: Mapping[str, str] = {
    INSTANT: "Instant\nSeconds. A net that has seen a million photos looks at yours; only its answer is learnt. Begin here.",
    FINE_TUNE: "Fine-tune\nA few minutes. Adapts the upper part of that net to your pictures too: usually more is right.",
    BEST: "Best in {minutes}\nTries several nets and settings within that time and keeps what does best.",
    SCRATCH: "From scratch\nA few minutes. Learns from your pictures alone: without a network, or where they are unlike photos.",
}
FITTING_MINUTES = 10.0
"""The default duration of a search."""

OPTIMIZERS: Choices = (
    ("Adam", "adam"),
    ("AdamW", "adamw"),
    ("SGD with momentum", "sgd"),
    ("RMSprop", "rmsprop"),
    ("Lion", "lion"),
)
LOSSES: Choices = (("Cross-entropy", "cross_entropy"), ("Focal", "focal"))
SCHEDULES: Choices = (
    ("Lower on a plateau", "plateau"),
    ("Cosine", "cosine"),
    ("Constant", "constant"),
)
SAMPLINGS: Choices = (("Each picture once", "shuffled"), ("Each class equally often", "balanced"))
HEADS: Choices = (("Keeps heights apart", "rows"), ("Average of the picture", "average"))
DEPTHS: Choices = (("Top", "top"), ("Middle", "middle"), ("Deep", "deep"))
PRECISIONS: Choices = (("What is fastest here", "auto"), ("32 bits", "float32"), ("Mixed 16 and 32", "mixed"))

# Setting, choice, purpose.
_PURPOSES = (
    ("Optimizer", "Adam", "Finds its own step for each weight; works without tuning. Leave it unless you have a reason."),
    ("Optimizer", "AdamW", "Adam that also keeps weights small: for long runs and fine-tuning that memorise."),
    ("Optimizer", "SGD with momentum", "The classic. Can end a little better on many pictures, after tuning its rate (about 10 times Adam's)."),
    ("Optimizer", "RMSprop", "Adam without momentum: to repeat work that used it."),
    ("Optimizer", "Lion", "Steps of one size; wants a rate 3 to 10 times smaller than Adam's. To try when Adam has levelled off."),
    ("Loss", "Cross-entropy", "Asks every picture to be answered surely. Right for nearly everything."),
    ("Loss", "Focal", "Asks less of pictures that are easy: when a few hard kinds of picture are drowned by many easy ones."),
    ("Learning rate over time", "Lower on a plateau", "Halves when epochs get no better: safe when you do not know how many epochs it takes."),
    ("Learning rate over time", "Cosine", "Sinks smoothly to nothing by the last epoch: best when the number of epochs is fixed."),
    ("Learning rate over time", "Constant", "Stays: to find out what a rate does."),
    ("Warm-up", "1 to 5 epochs", "Begins with small steps, so that a net that already knows something does not forget it at once."),
    ("Pictures of an epoch", "Each picture once", "The usual way; rare classes are helped by their weight in the loss."),
    ("Pictures of an epoch", "Each class equally often", "Repeats pictures of rare classes: when weights alone do not find them."),
    ("Head", "Keeps heights apart", "Knows at which height something is: for fill levels and whatever depends on place."),
    ("Head", "Average of the picture", "Forgets where things are: for objects that may be anywhere."),
    ("Dropout", "0.2 to 0.5", "Leaves out a share of the features at each step, so that none is relied on alone: against memorising."),
    ("Label smoothing", "0.05 to 0.1", "Never asks for full certainty: when some labels are wrong or in between."),
    ("Mixup", "0.1 to 0.4", "Blends two pictures and their classes: against memorising, with hundreds of pictures or more."),
    ("CutMix", "0.5 to 1", "Pastes a part of one picture into another; not where the place in the picture is the class."),
    ("Depth", "Top, middle, deep", "How much of the net adapts. Deeper learns more of what is special, takes longer and memorises sooner."),
    ("Variants", "2 to 12", "Changed copies of each picture whose features are computed once: more help small sets and take longer."),
    ("Precision", "Mixed 16 and 32", "Twice as fast on most GPUs; on most processors it gains nothing."),
)  # fmt: skip


def recipe_choices(minutes: float) -> list[tuple[str, str]]:
    """The choices of recipes: a title, and a description on the lines below it.

    Args:
        minutes: The time limit of a search.
    """
    return [(words.format(minutes=minutes_text(minutes)), recipe) for recipe, words in RECIPES.items()]


def minutes_of(spec: TrainingSpec) -> float:
    """The minutes shown in the description of a search."""
    return spec.max_minutes if spec.recipe == BEST and spec.max_minutes else FITTING_MINUTES


def net_choices(recipe: str) -> list[tuple[str, str]]:
    """The backbones that a recipe can train; the first one is recommended."""
    names = FROM_SCRATCH if recipe == SCRATCH else PRETRAINED
    labels = [BACKBONES[name].label for name in names]
    return list(zip([f"{labels[0]} (recommended)", *labels[1:]], names, strict=True))


def net_html(backbone: Backbone, weights: Path) -> str:
    """A note on a backbone: when to choose it, and whether its weights are present."""
    sentence = f"<p class='note'>{escape(backbone.sentence)}"
    if not backbone.pretrained:
        return f"{sentence}</p>"
    size = f"Weights: {backbone.megabytes:g} MB, {escape(backbone.licence)} licence."
    return f"{sentence} {size} {_weights_sentence(weights_state(backbone, weights))}</p>"


def _weights_sentence(state: WeightsState) -> str:
    return "They are here." if state.present else "They are not here yet."


def missing_weights(spec: TrainingSpec, weights: Path) -> WeightsState | None:
    """The state of the weights that a spec needs if they are missing, else None."""
    backbone = BACKBONES[spec.architecture]
    if not backbone.pretrained:
        return None
    state = weights_state(backbone, weights)
    return None if state.present else state


def nets_html(weights: Path) -> str:
    """A collapsed table of all backbones."""
    heads = ["net", "when to choose it", "for", "weights", "licence", "time for a picture"]
    rows = [_net_row(backbone, weights) for backbone in BACKBONES.values()]
    return _details_html("Compare all nets", table(heads, rows, "Nets", wide=True))


def _net_row(backbone: Backbone, weights: Path) -> list[str]:
    kind = "all but from scratch" if backbone.pretrained else "from scratch"
    size = "none"
    if backbone.pretrained:
        here = "here" if weights_state(backbone, weights).present else "to download"
        size = f"{backbone.megabytes:g} MB, {here}"
    return [
        escape(backbone.label),
        escape(backbone.sentence),
        kind,
        size,
        escape(backbone.licence) or "none needed",
        f"{backbone.cost:g} × MobileNetV2",
    ]


def purposes_html() -> str:
    """A collapsed table with the purpose of each setting."""
    rows = [[escape(setting), escape(choice), escape(purpose)] for setting, choice, purpose in _PURPOSES]
    heads = ["setting", "choice", "what it is for"]
    return _details_html("What the advanced settings are for", table(heads, rows, "Settings", wide=True))


def _details_html(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>"
