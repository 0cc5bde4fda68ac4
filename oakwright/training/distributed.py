"""Several processes that train one network, started by torchrun; one process is the usual case.

Every process computes its share of each batch. The loss is divided by the positives of all of
them and gradients are added up, so that a step is that of one process with the whole batch (norms
aside, which see only their share); norms' statistics are averaged, so that weights are equal.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import distributed as dist

from oakwright.errors import UsageError


class Group:
    """This process among its like; of one, where torchrun did not start it."""

    def __init__(self, gpus: int) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        here = torch.cuda.device_count() if gpus else 0
        if gpus > here:
            raise UsageError(
                f"--gpu-num {gpus}: this machine has {here} GPUs",
                remedy="--gpu-num 0 trains on the CPU",
                key="gpu_num",
            )
        if gpus > 1 and self.world == 1:
            raise UsageError(
                f"--gpu-num {gpus}: that is one process for each GPU",
                remedy=f"torchrun --nproc-per-node {gpus} -m oakwright train ...",
                key="gpu_num",
            )
        self.device = torch.device("cuda", local) if gpus else torch.device("cpu")
        self._is_mine = self.world > 1 and not dist.is_initialized()
        if self._is_mine:
            dist.init_process_group("nccl" if gpus else "gloo")

    @property
    def is_first(self) -> bool:
        """Whether this one validates, writes and speaks."""
        return self.rank == 0

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
        return torch.nn.parallel.DistributedDataParallel(
            network, device_ids=devices, broadcast_buffers=False
        )

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
