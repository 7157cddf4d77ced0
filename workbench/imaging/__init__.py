"""Image decoding, augmentation, quality flags and perceptual hashes; independent of database and web interface."""
