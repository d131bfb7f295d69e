"""Pre-train the bundled `compact` network.

    python pretraining/train.py DATA OUT --steps 12000

Meta-learning with a closed-form head (Bertinetto et al. 2019, arXiv 1805.08136): in each episode
a ridge classifier is fitted on a few strokes through the network's last feature maps, and the
loss is taken on all other pixels. So the features are trained for just what the first answer asks
of them, for whatever class is painted. Batch norm sees one episode at a time, as it is measured
on one image before the first answer (`core.adaptation`).

Unpadded convolutions would score a tenth of the pixels that are computed, so convolutions are
padded here by repeating the border; away from it that is the same network. Writes
OUT/checkpoint.pt every few minutes, and resumes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from episodes import CLASSES, Source, trained_on
from napari_unet.core.head import ridge
from napari_unet.core.model import load
from napari_unet.core.unet import UNet


class Stream(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Episodes, each worker with a seed of its own."""

    def __init__(self, paths: list[Path], seed: int, made_up: float, patch: int) -> None:
        self.paths, self.seed, self.made_up, self.patch = paths, seed, made_up, patch

    def __iter__(self):
        info = get_worker_info()
        torch.set_num_threads(1)
        seed = self.seed * 1000 + (info.id if info else 0)
        torch.manual_seed(seed)
        source = Source(self.paths, seed, made_up=self.made_up, patch=self.patch)
        while True:
            episode = source.episode()
            yield episode.images, episode.support, episode.truth


class Padded(UNet):
    """The network with outputs as large as its inputs, which are multiples of its stride."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__(3, 2, width=width, norm=True, dropout=0.1, side=side)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
                module.register_forward_pre_hook(
                    lambda _, inputs: F.pad(inputs[0], (1, 1, 1, 1), mode="replicate")
                )

    def output_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        return size

    def valid_input_size(self, size: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(-(-n // self.stride) * self.stride for n in size)


class Learner(nn.Module):
    """The network with what the closed-form head needs: penalty and scale, both learned."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.net = Padded(width, side)
        self.log_strength = nn.Parameter(torch.tensor(math.log(0.1)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(6.0)))

    def loss(self, images: Tensor, support: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and mean IoU of an episode: (2, 3, n, n), (2, n, n), (2, n, n)."""
        with torch.autocast("cpu", torch.bfloat16):
            f = self.net.features(images.contiguous(memory_format=torch.channels_last))
        f = f.permute(0, 2, 3, 1)
        s, t = support.long(), truth.long()
        known = s > 0
        weight, bias = ridge(f[known].float(), s[known] - 1, CLASSES, self.log_strength.exp())
        logits = (f @ weight.T.to(f.dtype))[t > 0].float() + bias
        logits = self.log_scale.exp() * logits
        present = torch.bincount(s[known] - 1, minlength=CLASSES) > 0
        return judge(logits.masked_fill(~present, -30.0), t[t > 0] - 1)


def judge(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy with classes weighted by 1/√frequency, plus soft Jaccard; and mean IoU."""
    counts = torch.bincount(target, minlength=CLASSES).float()
    seen = counts > 0
    weights = torch.where(seen, 1 / counts.clamp(min=1).sqrt(), 0.0)
    entropy = F.cross_entropy(logits, target, weights)
    truth = F.one_hot(target, CLASSES).float()
    p = logits.softmax(1)
    overlap = (p * truth).sum(0)
    jaccard = (overlap + 1) / (p.sum(0) + counts - overlap + 1)
    hard = F.one_hot(logits.argmax(1), CLASSES).float()
    both = (hard * truth).sum(0)
    iou = both / (hard.sum(0) + counts - both).clamp(min=1)
    return entropy + 0.5 * (1 - jaccard[seen].mean()), iou[seen].mean().detach()


def rate(progress: float, peak: float) -> float:
    """One cycle: a short warm-up, then a cosine down to 1 %."""
    warm = 0.03
    if progress < warm:
        return peak * progress / warm
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm))))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=12000, help="in all, over resumed runs")
    parser.add_argument("--without", nargs="*", default=[], help="sets to leave out")
    parser.add_argument(
        "--nice", type=int, default=19, help="priority, so that other work comes first"
    )
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--side", type=int, default=16, help="channels from each deeper level")
    parser.add_argument("--patch", type=int, default=256)
    parser.add_argument("--episodes", type=int, default=2, help="per step, two images each")
    parser.add_argument("--made-up", type=float, default=0.5, help="share of procedural episodes")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="start", type=Path, help="a model to go on from")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "nice"):
        os.nice(args.nice)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    learner = Learner(args.width, args.side).to(memory_format=torch.channels_last)
    if args.start:
        state = load(args.start).net.state_dict()
        own = {f"net.{name}": v.float() for name, v in state.items() if "head" not in name}
        learner.load_state_dict(own, strict=False)
    optimiser = torch.optim.AdamW(learner.parameters(), weight_decay=1e-3)
    average = torch.optim.swa_utils.AveragedModel(
        learner, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998), use_buffers=True
    )
    step, spent = 0, 0.0
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        learner.load_state_dict(saved["learner"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]
    paths = trained_on(args.data, args.without)
    stream = Stream(paths, args.seed + step, args.made_up, args.patch)
    loader = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=6))
    log = (args.out / "log.jsonl").open("a")
    last_saved, recent = time.monotonic(), []
    while step < args.steps:
        start = time.process_time()
        for group in optimiser.param_groups:
            group["lr"] = rate(step / args.steps, args.rate)
        optimiser.zero_grad()
        for _ in range(args.episodes):
            loss, iou = learner.loss(*next(loader))
            (loss / args.episodes).backward()
            recent.append((loss.item(), iou.item()))
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(learner)
        step += 1
        spent += time.process_time() - start
        if step % 25 == 0:
            mean = [sum(v) / len(v) for v in zip(*recent, strict=True)]
            row = {
                "step": step,
                "cpu_hours": round(spent / 3600, 4),
                "loss": round(mean[0], 4),
                "iou": round(mean[1], 4),
                "scale": round(learner.log_scale.exp().item(), 2),
                "strength": round(learner.log_strength.exp().item(), 4),
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
            recent = []
        if time.monotonic() - last_saved > 180 or step >= args.steps:
            last_saved = time.monotonic()
            save(
                checkpoint,
                {
                    "learner": learner.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step,
                    "spent": spent,
                    "width": args.width,
                    "side": args.side,
                    "arguments": {k: str(v) for k, v in vars(args).items()},
                },
            )


def save(path: Path, state: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


if __name__ == "__main__":
    main()
