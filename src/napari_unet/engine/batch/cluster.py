"""A row of images on a Dask cluster: one task an image, the same stages as here.

An image with large planes is begun by its task; each of its blocks is then a task of its own that
writes into one zarr, and a last task makes the results of that.

The workers must see the folders under the same paths. They write results under temporary names;
only this end notes them and gives them their names, so a worker that dies loses nothing: Dask
gives its images to another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from napari_unet.core.files import FileError, reason, replacing
from napari_unet.core.finding import RESULTS
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute
from napari_unet.engine.batch.blocks import Block, Large
from napari_unet.engine.batch.delivery import Delivery
from napari_unet.engine.batch.large import fill, finish
from napari_unet.engine.batch.pipeline import Advanced, Step, run_one
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import ModelSegmenter, Segmenter
from napari_unet.engine.batch.sheet import sentence

_PATIENCE = 0.2  # s between two looks at what is done
_KNOCK = 10  # s that a scheduler has to answer
_PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}


def run_on_cluster(
    address: str, jobs: Sequence[Job], segmenter: Segmenter, recipe: Recipe, target: Path, key: str
) -> Generator[Step]:
    """Segment images on the workers of a Dask scheduler; each ends in one `Delivery`.

    Parameters
    ----------
    address : str
        As tcp://host:8786.

    Raises
    ------
    FileError
        If Dask is not installed, no scheduler answers, or it is lost; or if the network is a
        package's.
    """
    if not isinstance(segmenter, ModelSegmenter):
        raise FileError(
            "A package's network cannot be sent to a cluster: run the batch without one, or choose "
            "a model that was trained here (.safetensors)."
        )
    target = target.resolve()
    model = target / RESULTS / f"model-{key}.safetensors"
    client = _connected(address)
    try:
        with replacing(model) as part:
            part.write_bytes(segmenter.data)
        compute = _pinned(segmenter)
        tasks = _Tasks(
            partial(_task, str(model), compute, recipe, target, key),
            partial(_block, str(model), compute, recipe),
            partial(_last, segmenter.classes, recipe, target, key),
        )
        yield from _results(client, jobs, tasks)
    except Exception as error:
        if isinstance(error, CancelledError) or client.status != "running":
            raise FileError(
                f"The Dask scheduler at {address} ended or cannot be reached any more: start it "
                "again, then the batch. What is done is skipped."
            ) from error
        raise
    finally:
        client.close()
        model.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Tasks:
    """What workers do with an image, with a block of a large one, and when all blocks are done."""

    image: Callable[[Job], Delivery | Large]
    block: Callable[[Large, Block], str]
    last: Callable[[Large, list[str]], Delivery]


def _results(
    client: Any,  # noqa: ANN401 - Dask is optional and not typed
    jobs: Sequence[Job],
    tasks: _Tasks,
) -> Iterator[Step]:
    from distributed import as_completed

    there = [replace(job, source=job.source.absolute()) for job in jobs]
    futures = dict(zip(client.map(tasks.image, there, pure=False), jobs, strict=True))
    done, waiting = as_completed(futures, loop=client.loop), dict.fromkeys(jobs)
    begun: dict[Job, tuple[Large, list[Any]]] = {}  # with the futures of its blocks
    try:
        while waiting:
            for future in done.next_batch(block=False):
                job = futures[future]
                step = _outcome(future, job)
                if isinstance(step, Large):
                    future.release()  # else it is done again if its worker dies
                    blocks = client.map(partial(tasks.block, step), step.blocks, pure=False)
                    last = client.submit(tasks.last, step, blocks, pure=False)
                    begun[job] = step, blocks
                    futures[last] = job
                    done.add(last)
                    continue
                yield step
                if job in begun:
                    begun.pop(job)[0].discard()
                del waiting[job]
            time.sleep(_PATIENCE)
            yield from _advances(waiting, begun)
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.cancel(list(futures))  # blocks go with what waits for them
        for large, _ in begun.values():
            large.discard()


def _outcome(future: Any, job: Job) -> Delivery | Large:  # noqa: ANN401
    """What became of a task. Raises `CancelledError` where the scheduler lost it."""
    from distributed.scheduler import KilledWorker

    try:
        found: Delivery | Large = future.result()
    except CancelledError:
        raise
    except KilledWorker:
        problem = f"{job.said}: the workers that tried it ended, maybe for want of memory."
    except Exception as error:  # noqa: BLE001 - the other files go on
        problem = sentence(job, error)
    else:
        return found if isinstance(found, Large) else replace(found, job=job)
    return Delivery(job, problem=problem)


def _advances(
    waiting: Iterable[Job], begun: Mapping[Job, tuple[Large, list[Any]]]
) -> Iterator[Advanced]:
    """How far large images are; without one only that there is something to wait for."""
    for job, (_, blocks) in begun.items():
        yield Advanced(job, sum(block.done() for block in blocks) / (len(blocks) + 1))
    if not begun:
        yield from (Advanced(job, 0.0) for job in islice(waiting, 1))


def _connected(address: str) -> Any:  # noqa: ANN401
    try:
        from distributed import Client
    except ImportError as error:
        raise FileError(
            'A cluster needs a package: type   pip install "napari-unet-live[cluster]"   in the '
            "environment of this program."
        ) from error
    try:
        return Client(address, timeout=_KNOCK, set_as_default=False)
    except (OSError, ValueError) as error:
        raise FileError(
            f"No Dask scheduler answers at {address} ({reason(error)}): check the address, which "
            "the scheduler prints when it starts, as tcp://host:8786."
        ) from error


def _pinned(segmenter: ModelSegmenter) -> Compute:
    """The same precision for all, so that the results do not depend on who computed them."""
    precision = _PRECISIONS.get(segmenter.device.said, "fp32")  # float16 cannot be asked for
    return msgspec.structs.replace(segmenter.compute, precision=precision)


def _task(
    model: str, compute: Compute, recipe: Recipe, target: Path, key: str, job: Job
) -> Delivery | Large:
    """What a worker does with one image."""
    try:
        segmenter = _segmenter(model, compute)
        if not job.source.exists():
            raise _unseen(job.source)
        return run_one(job, segmenter, recipe, target, key)
    except Exception as error:  # noqa: BLE001 - the other files go on
        return Delivery(job, problem=sentence(job, error))


def _block(model: str, compute: Compute, recipe: Recipe, large: Large, block: Block) -> str:
    """What a worker does with one block of a large image; what went wrong, as a sentence."""
    try:
        for _ in fill(large, block, _segmenter(model, compute), recipe):
            pass
    except Exception as error:  # noqa: BLE001 - the other files go on
        return sentence(large.job, error)
    return ""


def _last(
    classes: tuple[str, ...], recipe: Recipe, target: Path, key: str, large: Large,
    problems: list[str],
) -> Delivery:  # fmt: skip
    """What a worker does when all blocks of a large image are there."""
    if problem := next(filter(None, problems), ""):
        return Delivery(large.job, problem=problem)
    try:
        return finish(large, classes, recipe, target, key)
    except Exception as error:  # noqa: BLE001 - the other files go on
        return Delivery(large.job, problem=sentence(large.job, error))


def _segmenter(model: str, compute: Compute) -> ModelSegmenter:
    from distributed import get_worker

    if not compute.threads:
        compute = msgspec.structs.replace(compute, threads=get_worker().state.nthreads)
    try:
        return _kept(model, compute)
    except OSError as error:
        raise _unseen(Path(model).parents[1]) from error


def _unseen(path: Path) -> FileError:
    return FileError(
        f"The workers do not see {path}: the folders of images and results must have the same "
        "paths on all machines."
    )


@lru_cache(maxsize=1)
def _kept(model: str, compute: Compute) -> ModelSegmenter:
    return ModelSegmenter(Path(model).read_bytes(), compute)
