"""Endpoints that export the data."""

from collections.abc import Callable
from typing import Any

from gradio import FileData

from storage.records import Filter
from workbench.core import validation
from workbench.exporting.service import ExportOrder
from workbench.services import Services
from workbench.ui.api.arguments import require_text
from workbench.ui.file_transfer import to_named_file_data


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""

    def export_dataset(
        format: str = "folders",
        label: str = "",
        status: str = "",
        flag: str = "",
        tag: str = "",
        search: str = "",
        snapshot: int = 0,
    ) -> FileData:
        """Export pictures byte for byte with their classes and splits, as one file that /import_images takes back.

        Args:
            format: folders (a zip with a folder for each class), csv (without pictures), csv-zip (pictures and a CSV),
                huggingface (an image folder with metadata.jsonl, zipped) or label-studio (tasks with choices, and pictures).
            label: Only pictures of this class.
            status: Only labelled, unlabelled, train, validation, test, synthetic, agreed, disagreed, unreviewed or
                suspicious pictures; bin exports those in the bin.
            flag: Only pictures with this quality flag.
            tag: Only pictures with this tag.
            search: Only pictures with this part in their file name.
            snapshot: Instead of a filter, the number of a snapshot, with the classes and splits that it froze; 0 for none.
        """
        texts = {"label": label, "status": status, "flag": flag, "tag": tag, "search": search}
        filter_ = Filter(**{name: require_text(name, value) for name, value in texts.items()})
        snapshot_id = validation.whole("snapshot", snapshot, 0) or None
        return to_named_file_data(
            services.exports.write(ExportOrder(require_text("format", format), filter_, snapshot_id)).path
        )

    return [export_dataset]
