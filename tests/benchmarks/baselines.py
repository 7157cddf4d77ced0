"""What a net has to beat: the most frequent class, and a linear support vector machine on gradients (HOG).

HOG: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005).
"""

import numpy as np
from skimage.color import rgb2gray
from skimage.feature import hog
from skimage.transform import downscale_local_mean
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC


def majority(train_labels: np.ndarray, pictures: int) -> np.ndarray:
    """The most frequent class of the training pictures, ``pictures`` times."""
    return np.full(pictures, np.bincount(train_labels).argmax())


def hog_features(pixels: np.ndarray) -> np.ndarray:
    """HOG of pictures ``(N, 256, 256, 3) uint8`` at 128 x 128, ``(N, features) float64``."""
    return np.stack([_hog(picture) for picture in pixels])


def linear_svm(features: np.ndarray, labels: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Answers for ``unknown`` features of a linear machine with balanced class weights."""
    machine = make_pipeline(StandardScaler(), LinearSVC(C=0.01, class_weight="balanced", random_state=0))
    return np.asarray(machine.fit(features, labels).predict(unknown))


def _hog(picture: np.ndarray) -> np.ndarray:
    small = downscale_local_mean(rgb2gray(picture), (2, 2))
    return np.asarray(hog(small, orientations=9, pixels_per_cell=(16, 16), cells_per_block=(2, 2)))
