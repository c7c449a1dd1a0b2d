"""Request patterns: which tiles people ask for, and in which order."""
import random


def uniform(tiles, count, seed=1):
    """Every tile equally often: the crawler."""
    rng = random.Random(seed)
    return [rng.choice(tiles) for _ in range(count)]


def zipf(tiles, count, seed=1):
    """The n-th most wanted tile is asked for 1/n as often as the first."""
    rng = random.Random(seed)
    ranked = list(tiles)
    rng.shuffle(ranked)
    weights = [1 / (rank + 1) for rank in range(len(ranked))]
    return rng.choices(ranked, weights, k=count)


def _viewport(z, cx, cy, width, height):
    side = 1 << z
    x0, y0 = cx - width // 2, cy - height // 2
    return [(z, x % side, y) for y in range(y0, y0 + height)
            for x in range(x0, x0 + width) if 0 <= y < side]


def sessions(tiles, count, seed=1):
    """People who pan and zoom a window of 5 x 4 tiles; a browser keeps what it
    has just drawn, so only tiles new to the window are asked for."""
    rng = random.Random(seed)
    held = set(tiles)
    zooms = sorted({tile[0] for tile in tiles})
    requests = []
    while len(requests) < count:
        z, cx, cy = rng.choice(tiles)
        seen = set()
        for _ in range(rng.randint(10, 60)):
            window = [tile for tile in _viewport(z, cx, cy, 5, 4)
                      if tile in held]
            requests += [tile for tile in window if tile not in seen]
            seen.update(window)
            step = rng.random()
            if step < 0.7:
                cx = (cx + rng.choice((-1, 0, 1))) % (1 << z)
                cy = min(max(cy + rng.choice((-1, 0, 1)), 0), (1 << z) - 1)
            elif step < 0.85 and z < zooms[-1]:
                z, cx, cy = z + 1, 2 * cx + 1, 2 * cy + 1
            elif z > zooms[0]:
                z, cx, cy = z - 1, cx // 2, cy // 2
    return requests[:count]


PATTERNS = {"uniform": uniform, "zipf": zipf, "sessions": sessions}
