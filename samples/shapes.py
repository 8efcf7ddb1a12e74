"""Ten classes of small grey pictures, drawn by a seeded generator: no download, the same bytes on every machine."""

import numpy as np

CLASSES = ["disc", "ring", "square", "frame", "cross", "diagonal", "rows", "columns", "checks", "dots"]
SIZE = 16


def draw(label, rng):
    """One picture [SIZE, SIZE] in 0..255 of class `label`, at a random place, size, brightness and noise."""
    centre = SIZE / 2 - 0.5 + rng.uniform(-2, 2, 2)
    radius = rng.uniform(4, 6)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    dy, dx = y - centre[0], x - centre[1]
    box = np.maximum(abs(dy), abs(dx))
    round_ = np.hypot(dy, dx)
    inside = box <= radius
    period = rng.integers(3, 5)
    shape = {
        "disc": round_ <= radius,
        "ring": abs(round_ - radius) <= 1.2,
        "square": inside,
        "frame": abs(box - radius) <= 1.0,
        "cross": inside & ((abs(dy) <= 1.2) | (abs(dx) <= 1.2)),
        "diagonal": inside & (abs(dy - dx) <= 1.7),
        "rows": inside & (y % period == 0),
        "columns": inside & (x % period == 0),
        "checks": inside & ((x // 2 + y // 2) % 2 == 0),
        "dots": inside & (x % period == 0) & (y % period == 0),
    }[CLASSES[label]]
    picture = shape * rng.uniform(50, 140) + rng.normal(50, 38, (SIZE, SIZE))
    return np.clip(picture, 0, 255).astype(np.uint8)


def make(count, seed):
    """`count` pictures x [count, 1, SIZE, SIZE] uint8 and their labels y [count]."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(CLASSES), count)
    x = np.stack([draw(label, rng) for label in y])[:, None]
    return x, y.astype(np.int64)
