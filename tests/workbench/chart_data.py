"""Measures and histories as the charts take them."""

from __future__ import annotations

from typing import Any

CLASSES = ("Full", "Half", "Overflowing")
MATRIX = [[42, 3, 1], [6, 14, 1], [0, 3, 3]]
HOSTILE = "<script>alert(1)</script>"


def history(val_losses: list[float], losses: list[float] | None = None) -> list[dict[str, float]]:
    falling = losses or [1 / (n + 1) for n in range(len(val_losses))]
    return [
        {
            "epoch": n + 1,
            "loss": loss,
            "accuracy": 0.8,
            "val_loss": val,
            "val_accuracy": 0.7,
            "val_macro_f1": 1 - val,
        }
        for n, (loss, val) in enumerate(zip(falling, val_losses, strict=True))
    ]


def measures(recalls: dict[str, float], macro_f1: float, **more: Any) -> dict[str, Any]:
    rows = [
        {"name": name, "precision": 0.5, "recall": recall, "f1": 0.5, "support": 20}
        for name, recall in recalls.items()
    ]
    return {"pictures": 60, "accuracy": 0.8, "macro_f1": macro_f1, "per_class": rows, **more}


def rows(*measured: tuple[str, float, int]) -> list[dict[str, Any]]:
    return [{"name": n, "precision": 0.7, "recall": r, "f1": 0.6, "support": s} for n, r, s in measured]
