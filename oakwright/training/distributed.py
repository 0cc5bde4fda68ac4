"""Several processes that train one network, started by torchrun or by `launch`; one is usual.

Every process computes its share of each batch. The loss is divided by the positives of all of
them and gradients are added up, so that a step is that of one process with the whole batch (norms
aside, which see only their share); norms' statistics are averaged, so that weights are equal.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
from torch import distributed as dist

from oakwright.errors import OakwrightError, TrainingError, UsageError

from .template import Template

# Until all have found each other: reading a large set may take one of them longer.
MEETING_S = 300.0
# For an answer of the others, who wait while the first one validates.
ANSWER_S = 3600.0
_REMEDY = (
    "torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; unset them to train"
    " in one process, or start with `oakwright train --processes N`"
)
# What gloo and NCCL say when another process is gone.
_LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe", "socket", "peer")


class Group:
    """This process among its like; of one, where torchrun did not start it.

    Raises UsageError for GPUs that are not there and an environment that makes no sense,
    TrainingError where the processes do not find each other.
    """

    def __init__(self, gpus: int) -> None:
        self.rank = _number("RANK", 0)
        self.world = _number("WORLD_SIZE", 1)
        self.local_world = _number("LOCAL_WORLD_SIZE", self.world)
        local = _number("LOCAL_RANK", 0)
        check_gpus(gpus)
        if self.world < 1 or self.rank >= self.world:
            raise UsageError(
                f"RANK={self.rank} and WORLD_SIZE={self.world} do not fit together", remedy=_REMEDY
            )
        if gpus > 1 and self.world == 1:
            raise UsageError(
                f"--gpu-num {gpus}: that is one process for each GPU",
                remedy=f"`oakwright train --gpu-num {gpus}` starts them, so does"
                " oakwright.training.launch in Python",
                key="gpu_num",
            )
        if gpus and local >= torch.cuda.device_count():
            raise UsageError(
                f"LOCAL_RANK={local}: this machine has {torch.cuda.device_count()} GPUs",
                remedy="as many processes as GPUs",
            )
        self.device = torch.device("cuda", local) if gpus else torch.device("cpu")
        self._is_mine = self.world > 1 and not dist.is_initialized()
        if self._is_mine:
            self._meet("nccl" if gpus else "gloo")

    def _meet(self, backend: str) -> None:
        address, port = os.environ.get("MASTER_ADDR", ""), _number("MASTER_PORT", 0)
        if not address or not 0 < port < 65536:
            raise UsageError(
                f"WORLD_SIZE={self.world}, but MASTER_ADDR={address!r} and MASTER_PORT={port}"
                " are no place to meet",
                remedy=_REMEDY,
            )
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        try:
            meeting = dist.rendezvous(
                "env://", self.rank, self.world, timeout=timedelta(seconds=MEETING_S)
            )
            store, rank, world = next(meeting)
            store.set_timeout(timedelta(seconds=MEETING_S))
            dist.init_process_group(
                backend, store=store, rank=rank, world_size=world,
                timeout=timedelta(seconds=ANSWER_S),
            )  # fmt: skip
        except (RuntimeError, ValueError, OSError) as error:
            raise TrainingError(
                f"process {self.rank} of {self.world} did not find the others at"
                f" {address}:{port}: {_first_line(error)}",
                remedy="all of them must run, and reach that address; " + _REMEDY,
                rank=self.rank,
            ) from error

    @property
    def is_first(self) -> bool:
        """Whether this one validates, writes and speaks."""
        return self.rank == 0

    def told(self, error: Exception) -> OakwrightError | None:
        """What to raise for an error in the middle of a training: it names the process.

        None where it is neither ours nor the loss of another process.
        """
        if self.world == 1:
            return None
        name = f"process {self.rank} of {self.world}"
        if isinstance(error, OakwrightError):
            where = {**error.where, "rank": self.rank}
            return type(error)(f"{name}: {error.message}", remedy=error.remedy, **where)
        text = str(error).lower()
        if isinstance(error, RuntimeError) and any(word in text for word in _LOST):
            return TrainingError(
                f"{name} lost the others: {_first_line(error)}",
                remedy="look at what they said; --resume-from goes on after the last epoch",
                rank=self.rank,
                is_echo=True,
            )
        return None

    def total(self, *values: float) -> list[float]:
        """The sum of each value over all processes."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return [float(value) for value in tensor]

    def from_first(self, value: Any) -> Any:
        """What the first process has."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, 0, device=self.device)
        return box[0]

    def wrap(self, network: Any) -> Any:
        """The network, its gradients averaged over the processes in each backward pass."""
        if self.world == 1:
            return network
        devices = [self.device.index] if self.device.type == "cuda" else None
        kind: Callable[..., Any] = torch.nn.parallel.DistributedDataParallel
        # Buffers are averaged below; newer versions of torch have another word for leaving them.
        new = "forward_sync_buffers"
        word = new if new in inspect.signature(kind).parameters else "broadcast_buffers"
        return kind(network, device_ids=devices, **{word: False})

    def average_buffers(self, network: Any) -> None:
        """Norms' statistics: the mean of all processes', in each."""
        if self.world == 1:
            return
        buffers = [b for b in network.buffers() if b.is_floating_point()]
        flat = torch.cat([b.flatten() for b in buffers])
        dist.all_reduce(flat)
        parts = (flat / self.world).split([b.numel() for b in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))

    def close(self) -> None:
        """Leave the group, if this object joined it."""
        if self._is_mine:
            dist.destroy_process_group()


def gpus_of(template: Template) -> int:
    """What a run takes where nobody says: the template's number, of those that are here."""
    return min(int(template.data.get("gpu_num") or 0), int(torch.cuda.device_count()))


def check_gpus(gpus: int) -> None:
    """Raise UsageError where this machine has fewer."""
    here = int(torch.cuda.device_count()) if gpus else 0
    if gpus > here:
        raise UsageError(
            f"--gpu-num {gpus}: this machine has {here} GPUs",
            remedy="--gpu-num 0 trains on the CPU, with --processes N in several processes",
            key="gpu_num",
        )


def _number(name: str, default: int) -> int:
    """A number that torchrun puts into the environment. Raises UsageError."""
    text = os.environ.get(name, "").strip()
    try:
        value = int(text) if text else default
        if not 0 <= value < 1 << 20:
            raise ValueError
    except ValueError:
        raise UsageError(f"{name}={text!r} is no whole number", remedy=_REMEDY) from None
    return value


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
