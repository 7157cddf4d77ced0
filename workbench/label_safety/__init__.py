"""Whether augmentation changes the class of a picture, as the model in production sees it. Imports no TensorFlow."""
