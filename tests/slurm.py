"""A stand-in for dask-jobqueue, and for the command that runs on its cluster."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace


def without_queue(monkeypatch):
    """Note what is asked of a cluster that is not there, and which commands would run."""
    asked, started = {}, []

    class Cluster:
        scheduler_address = "tcp://host:8786"

        def __init__(self, **options):
            asked.update(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def scale(self, jobs):
            asked["jobs"] = jobs

    queue = ModuleType("dask_jobqueue")
    queue.SLURMCluster = Cluster
    monkeypatch.setitem(sys.modules, "dask_jobqueue", queue)
    monkeypatch.setattr(
        subprocess, "run", lambda words, check: started.append(words) or SimpleNamespace()
    )
    return asked, started
