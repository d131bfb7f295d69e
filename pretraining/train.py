"""Pre-train the bundled `compact` network.

    python pretraining/train.py DATA OUT --steps 4500

Meta-learning with a closed-form head (Bertinetto et al. 2019, arXiv 1805.08136): in each episode
a ridge classifier is fitted on a few strokes through the network's last feature maps, and the
loss is taken on all other pixels. So the features are trained for just what the first answer asks
of them, for whatever class is painted. Writes OUT/checkpoint.pt every few minutes, and resumes.
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

from episodes import CLASSES, Source
from napari_unet.core.head import ridge
from napari_unet.core.unet import UNet


class Stream(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of episodes, each worker with a seed of its own."""

    def __init__(self, data: Path, seed: int, made_up: float, patch: int, episodes: int) -> None:
        self.data, self.seed, self.made_up = data, seed, made_up
        self.patch, self.episodes = patch, episodes

    def __iter__(self):
        info = get_worker_info()
        torch.set_num_threads(1)
        seed = self.seed * 1000 + (info.id if info else 0)
        torch.manual_seed(seed)
        source = Source(self.data, seed, made_up=self.made_up, patch=self.patch)
        while True:
            batch = [source.episode() for _ in range(self.episodes)]
            yield tuple(
                torch.stack([getattr(e, k) for e in batch]) for k in ("images", "support", "truth")
            )


class Learner(nn.Module):
    """The network with what the closed-form head needs: penalty and scale, both learned."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = UNet(3, 2, width=width, norm=True, dropout=0.1)
        self.log_strength = nn.Parameter(torch.tensor(math.log(0.1)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(6.0)))

    def losses(self, images: Tensor, support: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and mean IoU of (E, 2, …) episodes."""
        with torch.autocast("cpu", torch.bfloat16):
            x = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            features = self.net.features(x)
        features = features.float().permute(0, 2, 3, 1).unflatten(0, images.shape[:2])
        losses, scores = [], []
        for f, s, t in zip(features, support.long(), truth.long(), strict=True):
            known = s > 0
            weight, bias = ridge(f[known], s[known] - 1, CLASSES, self.log_strength.exp())
            logits = self.log_scale.exp() * (f[t > 0] @ weight.T + bias)
            present = torch.bincount(s[known] - 1, minlength=CLASSES) > 0
            logits = logits.masked_fill(~present, -30.0)
            loss, score = judge(logits, t[t > 0] - 1)
            losses.append(loss)
            scores.append(score)
        return torch.stack(losses).mean(), torch.stack(scores).mean()


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


def freeze_statistics(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=4500, help="in all, over resumed runs")
    parser.add_argument(
        "--nice", type=int, default=19, help="priority, so that other work comes first"
    )
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--patch", type=int, default=148)
    parser.add_argument("--episodes", type=int, default=2, help="per step, two images each")
    parser.add_argument("--made-up", type=float, default=0.5, help="share of procedural episodes")
    parser.add_argument(
        "--freeze", type=float, default=0.45, help="when batch statistics are frozen"
    )
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "nice"):
        os.nice(args.nice)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    learner = Learner(args.width).to(memory_format=torch.channels_last)
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
    stream = Stream(args.data, args.seed + step, args.made_up, args.patch, args.episodes)
    loader = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=6))
    log = (args.out / "log.jsonl").open("a")
    last_saved, recent = time.monotonic(), []
    while step < args.steps:
        images, support, truth = next(loader)
        start = time.monotonic()
        progress = step / args.steps
        learner.train()
        if progress > args.freeze:
            freeze_statistics(learner)
        for group in optimiser.param_groups:
            group["lr"] = rate(progress, args.rate)
        loss, iou = learner.losses(images, support, truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(learner)
        step += 1
        spent += time.monotonic() - start
        recent.append((loss.item(), iou.item()))
        if step % 25 == 0:
            mean = [sum(v) / len(v) for v in zip(*recent, strict=True)]
            row = {
                "step": step,
                "hours": round(spent / 3600, 4),
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
                    "arguments": {k: str(v) for k, v in vars(args).items()},
                },
            )


def save(path: Path, state: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


if __name__ == "__main__":
    main()
