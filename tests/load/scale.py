"""How much is done: all of it with `DRAGOMAN_SCALE=full`, a small part otherwise."""

import os
from typing import Final

FULL: Final = os.environ.get("DRAGOMAN_SCALE") == "full"

STREAMS: Final = 2_000 if FULL else 200
"""How many streams are open at a time."""

INTERVAL: Final = 2.0 if FULL else 0.2
"""How long, in seconds, between two events of one."""

DURATION: Final = 60.0 if FULL else 4.0
"""How long, in seconds, one lasts."""

REQUESTS: Final = 200_000 if FULL else 4_000
"""How many plain requests are sent."""
