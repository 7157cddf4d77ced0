"""``app.py`` that opens and closes its database on SIGUSR1, as a library without manners would."""

import ctypes
import os
import signal
from pathlib import Path

from app import main

LIBRARY = ctypes.CDLL(None)
DATABASE = Path(os.environ["WORKBENCH_DATA"], "waterline.db")


def open_and_close(*_: object) -> None:
    """Past Python, which would refuse."""
    LIBRARY.close(LIBRARY.open(os.fsencode(DATABASE), os.O_RDONLY))
    DATABASE.with_name("dropped").touch()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, open_and_close)
    main()
