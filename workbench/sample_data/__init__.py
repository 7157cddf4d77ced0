"""The sample data set: rendered pictures of bottles, always marked as synthetic."""

from workbench.sample_data.dataset import LABELS, MARK, SamplePicture, render_sample, sample_pictures

__all__ = ["LABELS", "MARK", "SamplePicture", "render_sample", "sample_pictures"]
