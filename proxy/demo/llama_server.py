"""A llama.cpp server as a process of its own: `python llama_server.py WEIGHTS PORT NAME`.

It imports nothing of the gateway, so that a crash of native code and its appetite for CPU stay out of it. It says
`ready` on standard output when the model is loaded, and lives until SIGTERM or until its standard input is closed:
that happens also when the parent is killed and can clean up nothing.
"""

import importlib
import os
import signal
import sys
import threading
from typing import Any

CONTEXT_TOKENS = 4096
PARALLEL_REQUESTS = 2


def main() -> None:
    """Serve until told to stop."""
    # By name, because type checkers run where it is not installed.
    xllamacpp: Any = importlib.import_module("xllamacpp")

    weights, port, name = sys.argv[1:]
    ready = os.dup(1)
    # Native code may write to standard output at any time; nobody reads it after the first line.
    os.dup2(2, 1)

    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = PARALLEL_REQUESTS
    # More than one thread spins: on a busy machine with two cores it made the answer fifty times slower.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.use_jinja = True
    parameters.ui = False
    parameters.warmup = False
    parameters.verbosity = 1

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    threading.Thread(target=_wait_for_parent, args=(stopped,), daemon=True).start()

    server = xllamacpp.Server(parameters)
    os.write(ready, b"ready\n")
    os.close(ready)
    stopped.wait()
    del server
    # Its threads may still hold an answer; the process has nothing to save.
    os._exit(0)


def _wait_for_parent(stopped: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stopped.set()


if __name__ == "__main__":
    main()
