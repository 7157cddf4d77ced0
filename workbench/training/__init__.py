"""Training: what a run is asked to do, the data it reads, and the code that runs in the worker process."""
