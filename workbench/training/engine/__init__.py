"""The nets and the loop. TensorFlow is imported here and nowhere else."""
