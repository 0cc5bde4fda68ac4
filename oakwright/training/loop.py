"""The training loop, top to bottom."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from oakwright.dataset import Finding
from oakwright.errors import CheckpointError, OakwrightError, TrainingError
from oakwright.files import require_writable

from .batches import Batch, Batches
from .checkpoint import Checkpoint, save
from .curves import Board, draw_curves
from .detect import detect, normalised
from .distributed import Group, gpus_of
from .loss import ssd_loss
from .metrics import coco_metrics
from .options import TrainOptions
from .pictures import Pictures
from .precision import Frozen, autocast, choose, freeze
from .progress import Progress, Trained
from .recipe import Recipe
from .run_state import KEPT, RunState, groups, room_for
from .schedule import RunningMean, Schedule
from .start import Start, prepare, settle

# Validating is to cost at most about a tenth of training; a picture forward is a third of a step.
_VALIDATION_SHARE = 0.1
_FORWARD_COST = 0.3
# Fewer steps say little of how long one takes.
_TIMED = 5
# Of each set; the rest is counted.
_FINDINGS = 5


def train(
    options: TrainOptions,
    *,
    report: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train a detector; write latest.pth after each epoch, best.pth after each better one.

    Args:
        options: data, template, weights, numbers.
        report: called after every step in the first process.
        say: called with lines worth reading.
        clock: what time limits are counted by, in seconds; ``time.process_time`` counts the
            processor's.

    Raises:
        DatasetError: pictures or annotations, all at once.
        TemplateError, CheckpointError: what was given does not fit.
        TrainingError: the loss is no number any more; the last checkpoints stay.
        OutputError: a checkpoint could not be written; the one before stays.
    """
    started = clock()
    start = prepare(options)
    gpus = options.gpu_num if options.gpu_num is not None else gpus_of(start.template)
    threads = torch.get_num_threads()
    group = Group(gpus)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        if group.is_first:
            require_writable(options.folder, room_for(start.network))
        return _Trainer(start, options, group, gpus, clock, started, report, say).run()
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the GPU's memory is full: {str(error).splitlines()[0][:200]}",
            remedy="a smaller --batch-size",
        ) from error
    except (OakwrightError, RuntimeError) as error:
        told = group.told(error)
        if told is None:
            raise
        raise told from error
    finally:
        group.close()
        torch.set_num_threads(threads)


class _Trainer:
    def __init__(
        self,
        start: Start,
        options: TrainOptions,
        group: Group,
        gpus: int,
        clock: Callable[[], float],
        started: float,
        report: Callable[[Progress], None] | None,
        say: Callable[[str], None] | None,
    ) -> None:
        self.start, self.options, self.group, self.clock = start, options, group, clock
        self.report = report if group.is_first else None
        self.say = say if say is not None and group.is_first else lambda text: None
        self.template = settle(start.template, options, gpus)
        self.recipe: Recipe = self.template.recipe
        self.model = start.template.model
        state = start.resumed
        seed = int(state["seed"]) if state else options.seed
        self.batches = Batches(
            start.data, self.model, self.recipe,
            batch_size=self.recipe.batch_size, seed=seed, rank=group.rank, world=group.world,
            sharers=group.local_world,
        )  # fmt: skip
        self.seed = seed
        self.validation_pictures = Pictures(start.validation, self.model, sharers=group.local_world)
        self.network = start.network.to(group.device).to(memory_format=torch.channels_last)
        self.shadow = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.is_timed = options.time_limit_s is not None
        # With a time limit alone, nothing but time ends the run.
        has_end = not self.is_timed or options.epochs is not None
        self.epochs = self.recipe.epochs if has_end else 1_000_000
        limit = options.time_limit_s or math.inf
        steps = self.epochs * self.batches.steps
        self.schedule = Schedule(
            self.recipe.learning_rate, steps, min(self.recipe.warm_up, max(1, steps // 5)), limit
        )
        self.state = RunState()
        self.last_validation_s: float | None = None
        self.timed_steps, self.timed_s = 0, 0.0
        self.optimizer = torch.optim.AdamW(
            groups(self.network, self.recipe.weight_decay),
            lr=self.recipe.learning_rate,
            fused=True,
        )
        self.precision = self._precision(state)
        if state:
            self._resume(state)
        freeze(self.network, self.recipe.freeze, self.recipe.frozen_norm)
        self.frozen = Frozen(self.network, self.recipe.freeze, self.precision)
        self.mean = RunningMean(self.network, self.shadow, self.recipe.ema)
        self.wrapped = group.wrap(self.network)
        self.scaler = torch.amp.GradScaler(enabled=self.precision == "float16")
        self.began = started - self.state.elapsed_s
        self.board = Board(options.tensorboard_dir if group.is_first else None)

    def _precision(self, state: Mapping[str, Any] | None) -> str:
        if state:
            # The same sums in the same order: what resuming bit for bit depends on.
            torch.set_num_threads(int(state["threads"]))
            return str(state["precision"])
        if self.recipe.precision != "auto":
            return self.recipe.precision
        size = self.model.height, self.model.width
        chosen = choose(self.network, self.group.device, size, self.recipe.freeze)
        return str(self.group.from_first(chosen))

    def run(self) -> Trained:
        state, data = self.state, self.start.data
        counted = ", ".join(f"{n} {name}" for name, n in self.start.statistics["boxes"].items())
        self.say(f"training  {len(data)} pictures: {counted}")
        self.say(f"validation  {len(self.start.validation)} pictures")
        for findings in (data.findings, self.start.validation.findings):
            self._tell_findings(findings)
        self.say(
            f"{self.template.name}  {self.model.width}x{self.model.height}, {self.precision},"
            f" {self.recipe.freeze} of {len(self.network.trunk.features)} blocks frozen,"
            f" anchors fit {self.start.statistics['anchor_fit']:.2f},"
            f" pictures {self.batches.pictures.kind}"
        )
        if state.epoch:
            self.say(f"going on after epoch {state.epoch}, best AP so far {state.best:.3f}")
        try:
            while not state.is_over:
                self._epoch()
        except KeyboardInterrupt:
            if state.epoch:
                latest = self.options.folder / "latest.pth"
                self.say(f"broken off after epoch {state.epoch}: --resume-from {latest} goes on")
            raise
        finally:
            self.batches.pictures.close()
            self.validation_pictures.close()
            self.board.close()
        self.say(f"best AP {state.best:.3f}")
        for name in ("latest.pth", "best.pth"):
            self.say(str(self.options.folder / name))
        return Trained(
            self.options.folder / "latest.pth", self.options.folder / "best.pth",
            state.best, tuple(state.history),
        )  # fmt: skip

    def _tell_findings(self, findings: Sequence[Finding]) -> None:
        """What reading the data left out or cut: it is not learnt as it stands in the file."""
        for finding in findings[:_FINDINGS]:
            self.say(f"note  {finding}")
        if len(findings) > _FINDINGS:
            more = len(findings) - _FINDINGS
            self.say(f"note  ... and {more} more; `oakwright dataset check` lists them")

    def _epoch(self) -> None:
        state = self.state
        loss_sum, count, before = 0.0, 0, self.clock()
        progress, last = 0.0, before
        for batch in self.batches.epoch(state.epoch):
            loss, progress, rate = self._step(batch)
            loss_sum, count = loss_sum + loss, count + 1
            state.step += 1
            now, size = self.clock(), self.batches.size
            self._tell(loss, rate, count, count * size / max(now - before, 1e-9), progress)
            # The first step of a run costs what no other does.
            if state.step > 1:
                self.timed_steps, self.timed_s = self.timed_steps + 1, self.timed_s + now - last
            last = now
            if progress >= 1:
                break
        state.epoch += 1
        state.is_over = progress >= 1 or state.epoch >= self.epochs
        row = {"epoch": state.epoch, "step": state.step, "loss": loss_sum / count,
               "learning_rate": rate}  # fmt: skip
        if state.is_over or state.epoch % self._validation_interval() == 0:
            self._validate(row, progress)
        state.elapsed_s = self.clock() - self.began
        row["seconds"] = state.elapsed_s
        state.history.append(row)
        self.board.write(state.step, row)
        patience = self.recipe.patience * self._validation_interval()
        if patience and not self.is_timed and state.epoch - state.best_epoch >= patience:
            if not state.is_over:
                self.say(f"no better AP for {patience} epochs: training ends early")
            state.is_over = True
        self._save()

    def _step(self, batch: Batch) -> tuple[float, float, float]:
        state, group = self.state, self.group
        positives, elapsed = group.total(
            float((batch.classes > 0).sum()), self.clock() - self.began + self._last_s()
        )
        progress = self.schedule.progress(state.step + 1, elapsed / group.world)
        rate = self.schedule.learning_rate(state.step, progress)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        pictures = normalised(batch.pictures.to(group.device), self.model)
        with autocast(group.device, self.precision):
            offsets, logits = self.wrapped(self.frozen(pictures), self.recipe.freeze)
        box_loss, class_loss = ssd_loss(
            offsets.float(), logits.float(), batch.offsets.to(group.device),
            batch.classes.to(group.device), self.recipe.negatives, max(positives, 1.0),
        )  # fmt: skip
        loss = box_loss + class_loss
        value = float(loss.detach())
        if not math.isfinite(value):
            self._refuse_loss(batch, rate)
        self.optimizer.zero_grad(set_to_none=True)
        # Gradients are averaged over the processes; the loss is already divided by all positives.
        self.scaler.scale(loss * group.world).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        with torch.no_grad():
            group.average_buffers(self.network)
        self.mean.update(state.step)
        return group.total(value)[0], progress, rate

    def _refuse_loss(self, batch: Batch, rate: float) -> None:
        names = [self.start.data.samples[i].path.name for i in batch.indices[:4]]
        more = ", ..." if len(batch.indices) > 4 else ""
        kept = "the last checkpoint is as it was" if self.state.epoch else "nothing was written"
        raise TrainingError(
            f"the loss is no number any more in epoch {self.state.epoch + 1}, step"
            f" {self.state.step + 1}, with {', '.join(names)}{more}; {kept}",
            remedy=f"try a lower --base-learning-rate than {self.recipe.learning_rate:g}",
            step=self.state.step + 1,
            learning_rate=rate,
        )

    def _last_s(self) -> float:
        """What validating at the end will take: as the last time, else by how fast steps are."""
        if self.last_validation_s is not None:
            return self.last_validation_s
        if self.timed_steps < _TIMED:
            return 0.0
        a_picture = self.timed_s / (self.timed_steps * self.batches.size)
        guess = len(self.start.validation) * _FORWARD_COST * a_picture
        return min(guess, self.schedule.limit_s / 2)

    def _validation_interval(self) -> int:
        pictures = self.batches.steps * self.batches.size
        cost = len(self.start.validation) * _FORWARD_COST / pictures
        return max(1, math.ceil(cost / _VALIDATION_SHARE))

    def _validate(self, row: dict[str, float], progress: float) -> None:
        before = self.clock()
        if self.group.is_first:
            found = detect(self.shadow, self.start.validation, self.model, self.validation_pictures)
            metrics = coco_metrics(self.start.validation, found)
            row.update(AP=metrics.stats["AP"], AP50=metrics.stats["AP50"])
        row.update(self.group.from_first(row))
        self.last_validation_s = self.clock() - before
        steps = self.batches.steps
        self._tell(row["loss"], row["learning_rate"], steps, 0.0, progress, row["AP"])

    def _tell(
        self,
        loss: float, rate: float, step: int, speed: float, progress: float, ap: float | None = None,
    ) -> None:  # fmt: skip
        if self.report is None:
            return
        elapsed = self.clock() - self.began
        eta = elapsed * (1 - progress) / progress if progress > 0 else math.inf
        epoch = self.state.epoch + (0 if ap is not None else 1)
        self.report(
            Progress(
                epoch, self.epochs, step, self.batches.steps, loss, rate, speed, max(eta, 0.0), ap
            )
        )

    def _save(self) -> None:
        state = self.state
        is_better = bool(state.history) and state.history[-1].get("AP", -1.0) > state.best
        if is_better:
            state.best, state.best_epoch = state.history[-1]["AP"], state.epoch
        if not self.group.is_first:
            return
        folder = self.options.folder
        trained = Checkpoint(
            self.template, self.start.data.classes, self.shadow.state_dict(),
            {**self.start.statistics, "history": state.history}, self.start.source,
        )  # fmt: skip
        if is_better:
            save(trained, folder / "best.pth")
        optimizer = self.optimizer.state_dict()
        kept = {
            "weights": {name: t.detach().cpu() for name, t in self.network.state_dict().items()},
            "optimizer": optimizer,
            "scaler": self.scaler.state_dict(),
            "seed": self.seed,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "world": self.group.world,
            "run": {name: getattr(state, name) for name in KEPT},
        }
        save(
            Checkpoint(
                trained.template, trained.classes, trained.weights,
                trained.statistics, trained.source, kept,
            ),
            folder / "latest.pth",
        )  # fmt: skip
        draw_curves(state.history, folder / "curves.png")

    def _resume(self, state: Mapping[str, Any]) -> None:
        try:
            if state["world"] != self.group.world:
                raise CheckpointError(
                    f"the run was of {state['world']} processes, this one is of {self.group.world}",
                    remedy="resume with as many; the order of sums depends on it",
                )
            # The network of prepare() has the running mean's weights; here come the real ones.
            self.shadow.load_state_dict(self.network.state_dict())
            self.network.load_state_dict(state["weights"])
            self.optimizer.load_state_dict(state["optimizer"])
            for name in KEPT:
                setattr(self.state, name, copy.deepcopy(state["run"][name]))
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise CheckpointError(
                f"{self.options.resume_from} does not hold a run that can go on: {error}",
                remedy="start anew from it with --load-weights",
                path=str(self.options.resume_from),
            ) from error
        self.state.is_over = self.state.epoch >= self.epochs
