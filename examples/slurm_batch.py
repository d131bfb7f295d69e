"""Segment a folder on a SLURM cluster: Dask's workers are jobs of the queue.

    python examples/slurm_batch.py images/ --model cells.safetensors --out results/

Needs `pip install ".[cluster]" dask-jobqueue`, here and where the jobs run, and folders that all
of them see under the same paths. Run it on a node that may stay busy as long as the batch takes.
"""

from __future__ import annotations

import argparse
import subprocess

from dask_jobqueue import SLURMCluster


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("images")
    options.add_argument("--model", required=True)
    options.add_argument("--out", required=True)
    options.add_argument("--queue", default="normal")
    options.add_argument("--jobs", type=int, default=10)
    options.add_argument("--walltime", default="02:00:00")
    chosen = options.parse_args()

    # one image at a time in each worker, so that images do not share a worker's memory
    with SLURMCluster(
        queue=chosen.queue, cores=8, processes=8, memory="32GB", walltime=chosen.walltime
    ) as cluster:
        cluster.scale(jobs=chosen.jobs)
        subprocess.run(
            [
                "napari-unet", "segment", chosen.images,
                "--model", chosen.model,
                "--out", chosen.out,
                "--cluster", cluster.scheduler_address,
            ],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
