"""Settings for `gunicorn app:app` on Linux: several processes, the clock in each (a lease lets one of them tick)."""

import gc
import os

from portal import clock

bind = f"{os.environ.get('PORTAL_HOST', '127.0.0.1')}:{os.environ.get('PORTAL_PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("PORTAL_THREADS", "8"))
graceful_timeout = 30
# The portal writes its own log, without addresses and query strings.
accesslog = None


def post_fork(server, worker) -> None:  # type: ignore[no-untyped-def]
    """What was loaded before the requests is never garbage: leaving it alone makes the slowest answers quicker."""
    gc.freeze()


def post_worker_init(worker) -> None:  # type: ignore[no-untyped-def]
    """Each worker has its clock; see portal/clock.py."""
    clock.start(worker.app.wsgi())
