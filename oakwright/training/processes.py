"""A training in several processes of this machine, by torch's elastic launcher."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from oakwright.errors import OakwrightError, TrainingError, UsageError

from .distributed import check_gpus, gpus_of
from .loop import train
from .options import TrainOptions
from .progress import Progress, Trained


def launch(
    options: TrainOptions,
    *,
    report: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Trained:
    """As :func:`train`, in as many processes as ``options`` ask for: one for each GPU of
    ``gpu_num``, or ``processes`` on the CPU. With one, or inside torchrun, it is :func:`train`.

    ``report`` and ``say`` are called in the first of the processes: they must be functions that
    can be pickled. The processes import the calling script anew, which therefore starts the
    training under ``if __name__ == "__main__":``.

    Raises what :func:`train` raises, from the process that failed first, with its rank; the others
    are ended. KeyboardInterrupt ends all of them.
    """
    count = _count(options)
    if count == 1 or "WORLD_SIZE" in os.environ:
        return train(options, report=report, say=say)
    if options.threads is None:
        # Processes that each take all cores wait for each other.
        options = replace(options, threads=max(1, len(os.sched_getaffinity(0)) // count))
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=count, max_restarts=0, run_id=uuid.uuid4().hex,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", local_addr="localhost",
        start_method="spawn",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="oakwright-processes-") as folder, _silence():
        try:
            made: dict[int, Trained] = elastic_launch(config, _work)(options, folder, report, say)
            return made[0]
        except ChildFailedError as error:
            raise _first_error(Path(folder), error, count) from None
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise TrainingError(
                f"the training was ended by {signal.Signals(error.sigval).name}",
                remedy="--resume-from goes on after the last epoch",
            ) from None


def _count(options: TrainOptions) -> int:
    """How many processes. Raises UsageError."""
    gpus = options.gpu_num
    if gpus is None:
        gpus = _gpus_of_template(options)
    if options.processes is not None and gpus and options.processes != gpus:
        raise UsageError(
            f"--processes {options.processes} and --gpu-num {gpus}: one process for each GPU",
            remedy="leave --processes away; on the CPU say --gpu-num 0",
            key="processes",
        )
    check_gpus(gpus)
    return max(gpus, options.processes or 1)


def _gpus_of_template(options: TrainOptions) -> int:
    """See ``gpus_of``; no file is read where there are none."""
    if not torch.cuda.device_count():
        return 0
    from .checkpoint import load
    from .template import read_template

    weights = options.resume_from or options.load_weights
    if options.template is not None:
        template = read_template(options.template)
    elif weights is not None:
        template = load(weights).template
    else:
        return 0
    return gpus_of(template)


def _work(
    options: TrainOptions,
    folder: str,
    report: Callable[[Progress], None] | None,
    say: Callable[[str], None] | None,
) -> Trained:
    """One process. Its error is left in ``folder``, for the one that started it to tell."""
    try:
        return train(options, report=report, say=say)
    except OakwrightError as error:
        place = Path(folder) / f"{time.time_ns()}-{os.environ['RANK']}"
        place.with_suffix(".part").write_bytes(pickle.dumps(error))
        place.with_suffix(".part").rename(place.with_suffix(".error"))
        raise SystemExit(1) from None


def _first_error(folder: Path, failed: Any, count: int) -> OakwrightError:
    """What began it: the first that is not an echo of another's end."""
    errors = [pickle.loads(place.read_bytes()) for place in sorted(folder.glob("*.error"))]
    own = [error for error in errors if not error.where.get("is_echo")]
    if own:
        first: OakwrightError = own[0]
        return first
    # Those that the launcher ended for another's sake say SIGTERM.
    ended = sorted(
        failed.failures.items(),
        key=lambda item: (item[1].exitcode == -signal.SIGTERM, item[1].exitcode > 0, item[0]),
    )
    rank, failure = ended[0]
    how = failure.signal_name() if failure.exitcode < 0 else f"code {failure.exitcode}"
    said = str(failure.message).strip().splitlines()
    reason = f": {said[-1][:300]}" if said and failure.exitcode > 0 and not errors else ""
    return TrainingError(
        f"process {rank} of {count} ended with {how}{reason}",
        remedy="the last checkpoint is whole: --resume-from goes on from it",
        rank=rank,
    )


@contextmanager
def _silence() -> Iterator[None]:
    """The launcher's own remarks on an error that is told in one message."""
    names = [name for name in logging.root.manager.loggerDict if "distributed.elastic" in name]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
