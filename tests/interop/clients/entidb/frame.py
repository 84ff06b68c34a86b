"""The frame of a client script: its own time limit, one line of JSON at its end, and gone when standard input ends."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

LIMIT_SECONDS = 120


def go_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(3)


def run_script(main: Callable[[], Any], limit: float = LIMIT_SECONDS) -> None:
    """Prints what `main` returns as one line of JSON. Exit 0 then; 1 if it throws or after the limit; 3 without input."""

    def give_up() -> None:
        print(f"gave up after {limit} s", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=go_with_standard_input, daemon=True).start()
    timer = threading.Timer(limit, give_up)
    timer.daemon = True
    timer.start()
    try:
        result = main()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    print(json.dumps(result), flush=True)
    os._exit(0)
