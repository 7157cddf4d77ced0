"""The one-click sample set: pictures of bottles, rendered, always marked as synthetic."""

from workbench.sample_data.dataset import LABELS, MARK, SamplePicture, render_sample, sample_pictures

__all__ = ["LABELS", "MARK", "SamplePicture", "render_sample", "sample_pictures"]
