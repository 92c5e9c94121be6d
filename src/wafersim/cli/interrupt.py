"""What Ctrl-C does to our commands: one line on standard error, exit code 130, no traceback.

In: the name of a command whose work was cut off. Out: the end of the process.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

EXIT_CODE = 130
"""128 and the number of SIGINT, as shells report it."""


def leave(command: str) -> NoReturn:
    """End the process at once.

    `sys.exit` would not do: an interrupt that falls into the import of some modules makes Python end by the signal
    whatever the exit code is.
    """
    print(f"{command}: interrupted", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(EXIT_CODE)
