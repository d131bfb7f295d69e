"""Draw the figures of the explanation pages with the program's own code.

    python scripts/docs_figures.py

They go into docs/images; matplotlib comes with the dependency group `docs`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle
from PIL import Image

from napari_unet.core import samples, weighting
from napari_unet.core.sampling import place, read_image
from napari_unet.core.settings import Augmentation, Training
from napari_unet.core.tiling import tiles
from napari_unet.core.unet import UNet

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
READ, WRITE, GREY = "#0072b2", "#e69f00", "#555555"
_COLOURS = (256, 128, 64, 48)  # of a PNG; the most that keep it small
_LARGEST = 95_000  # bytes


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=OUT)
    out = options.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    mpl.rcParams |= {"font.size": 9, "savefig.dpi": 100, "savefig.facecolor": "white"}
    for draw in (network, overlap_tile, elastic, border_weights):
        save(draw(), out / f"{draw.__name__.replace('_', '-')}.png")


def save(figure: plt.Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    plt.close(figure)
    picture = Image.open(buffer).convert("RGB")
    for colours in _COLOURS:
        picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size < _LARGEST:
            break
    print(path, f"{path.stat().st_size / 1000:.0f} kB")


def network() -> plt.Figure:
    """Sizes and channels of the network of 2015, as the code computes them."""
    with torch.device("meta"):
        net = UNet(1, 2)
    shapes: list[tuple[int, ...]] = []
    for block in (*net.down, *net.merge):
        block.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:3])))
    net(torch.empty(1, 1, 572, 572, device="meta"))
    depth = net.depth
    levels = [*range(depth + 1), *reversed(range(depth))]
    figure, axes = plt.subplots(figsize=(7.4, 3.3))
    for column, (level, (channels, side)) in enumerate(zip(levels, shapes, strict=True)):
        width, height = 0.12 + channels / 2600, 0.25 + side / 1000
        colour = READ if column <= depth else WRITE
        axes.add_patch(Rectangle((column - width / 2, -level), width, height, color=colour))
        at = {"ha": "center", "va": "top"}
        x, y = float(column), -level - 0.07
        if column != depth:
            down = column < depth
            at = {"ha": "right" if down else "left", "va": "center"}
            x, y = column + (-1 if down else 1) * (width / 2 + 0.06), -level + height / 2
        axes.text(x, y, f"{channels} × {side}²", **at)
        if column < len(levels) - 1:
            after = levels[column + 1]
            drop = after > level
            axes.annotate(
                "", (column + 0.9, -after + (0.45 if drop else -0.06)),
                (column + 0.1, -level + (-0.06 if drop else 0.45)),
                arrowprops={"arrowstyle": "->", "color": GREY},
            )  # fmt: skip
        if column > depth:  # crop and concatenate
            axes.annotate(
                "", (column - 0.3, -level + 0.45), (level + 0.3, -level + 0.45),
                arrowprops={"arrowstyle": "->", "color": GREY, "linestyle": ":"},
            )  # fmt: skip
    axes.text(-0.9, 0.95, "contracting path", color=READ)
    axes.text(len(levels) - 0.1, 0.95, "expanding path", color=WRITE, ha="right")
    axes.text(depth, 0.62, "crop and concatenate", color=GREY, ha="center")
    axes.set(xlim=(-1.1, len(levels) + 0.1), ylim=(-depth - 0.4, 1.15))
    axes.axis("off")
    return figure


def overlap_tile() -> plt.Figure:
    """One tile: what is read, what is written, and the mirrored context outside."""
    image = samples.vessels().image[..., 1]
    grid = UNet(1, 2, width=1).grid
    all_tiles = tiles(image.shape, 260, grid)
    tile = all_tiles[0]
    pad = grid.margin
    mirrored = np.pad(image, pad, mode="reflect")
    figure, panels = plt.subplots(1, 2, figsize=(6.6, 3.5))
    for axes in panels:
        axes.imshow(mirrored, cmap="gray", alpha=0.35)
        axes.imshow(
            image, cmap="gray", extent=(pad, pad + image.shape[1], pad + image.shape[0], pad)
        )
        axes.set(xlim=(0, mirrored.shape[1]), ylim=(mirrored.shape[0], 0))
        axes.axis("off")
    for one in all_tiles:
        _box(panels[0], one.write, pad, edgecolor="white", fill=False, linewidth=1)
    _box(panels[0], tile.read, pad, edgecolor=READ, fill=False, linewidth=2.5)
    _box(panels[0], tile.write, pad, edgecolor=WRITE, facecolor=WRITE + "44", linewidth=2.5)
    panels[0].set_title(
        f"one tile: reads {_size(tile.read)} px (blue), writes {_size(tile.write)} px (orange)",
        fontsize=8,
    )
    for number, one in enumerate(all_tiles, start=1):
        _box(panels[1], one.write, pad, edgecolor=WRITE, facecolor=WRITE + "22", linewidth=2)
        y, x = one.centre
        panels[1].text(
            x + pad, y + pad, str(number), color="white", ha="center", va="center", fontsize=14
        )
    panels[1].set_title("all tiles write each pixel once", fontsize=8)
    figure.tight_layout()
    return figure


def elastic() -> plt.Figure:
    """An image with a grid drawn on it, as three training patches would read it."""
    image = samples.touching_cells().image.astype(np.float32) / 255
    image[::24], image[:, ::24] = 1, 1
    tensor = torch.from_numpy(image)[None]
    side, middle = 260, (192.0, 192.0)
    still = Augmentation(rotation=False, flip=False, scale=1.0, elastic=0.0)
    generator = torch.Generator().manual_seed(3)
    titles = (
        ("the image", still),
        ("elastic, σ = 10 px", Augmentation(rotation=False, flip=False, scale=1.0)),
        ("and turned, mirrored, scaled", Augmentation()),
        ("another draw", Augmentation()),
    )
    figure, panels = plt.subplots(1, 4, figsize=(7.4, 2.2))
    for axes, (title, how) in zip(panels, titles, strict=True):
        patch = place(middle, side, how, generator)
        axes.imshow(read_image(tensor, patch.points)[0], cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    figure.tight_layout(pad=0.4)
    return figure


def border_weights() -> plt.Figure:
    """The weight of equation 2 between drawn cells."""
    sample, training = samples.touching_cells(), Training()
    truth = np.asarray(sample.truth)
    part = np.s_[120:320, 120:320]
    weights = weighting.border_weights(truth, training.border_weight, training.border_sigma)
    figure, panels = plt.subplots(1, 3, figsize=(7.4, 2.5))
    panels[0].imshow(sample.image[part], cmap="gray")
    panels[1].imshow(truth[part], cmap="gray")
    shown = panels[2].imshow(weights[part], cmap="magma")
    figure.colorbar(shown, ax=panels[2], fraction=0.046)
    w0, sigma = training.border_weight, training.border_sigma
    for axes, title in zip(
        panels, ("image", "classes", f"border weight, w0 = {w0:g}, σ = {sigma:g} px"), strict=True
    ):
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    figure.tight_layout(pad=0.4)
    return figure


def _box(axes: plt.Axes, window: tuple[slice, ...], pad: int, **style: object) -> None:
    y, x = window
    axes.add_patch(
        Rectangle((x.start + pad, y.start + pad), x.stop - x.start, y.stop - y.start, **style)
    )


def _size(window: tuple[slice, ...]) -> str:
    return " × ".join(str(w.stop - w.start) for w in window)


if __name__ == "__main__":
    main()
