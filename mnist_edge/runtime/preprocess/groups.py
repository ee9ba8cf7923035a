"""The parts of a row that are surely one digit together: a hat and its five, a broken six."""

from mnist_edge.runtime.preprocess.parts import Box, Part
from mnist_edge.runtime.preprocess.rows import Row

BROKEN = 0.75  # height of what may be a piece of a digit with broken strokes, over the row's

# The top stroke of a 5 or a 7 that stands beside the rest:
HAT = 0.35  # its height, at most, over the row's
LONG = 1.5  # its width over its height, at least: no apostrophe
HIGH = 0.25  # its middle below the top of the rest, at most, over the row's height: no minus


def group_parts(row: Row) -> list[list[Part]]:
    """Return a row's parts from left to right, those of one digit together, the highest first."""
    groups = [[part] for part in row.parts]
    largest = sorted(range(len(groups)), key=lambda i: -row.parts[i].height)
    for number in reversed(largest):  # the smallest first
        part = row.parts[number]
        if part.height >= BROKEN * row.height:
            break
        own = next(group for group in groups if part in group)
        others = [group for group in groups if group is not own]
        fitting = [group for group in others if _belong(own, group, row.height)]
        if fitting:
            best = max(fitting, key=lambda group: _beside(part, _box_of(group)))
            best += own
            groups.remove(own)
    for group in groups:
        group.sort(key=lambda part: -part.height)
    return sorted(groups, key=lambda group: _box_of(group)[2] + _box_of(group)[3])


def _belong(group: list[Part], other: list[Part], height: float) -> bool:
    """Return whether one lies above or below the other, or is a top stroke beside it.

    They are close by, and together no higher than a digit.
    """
    box, another = _box_of(group), _box_of(other)
    both = around([box, another])
    narrower = min(box[3] - box[2], another[3] - another[2])
    beside = min(box[3], another[3]) - max(box[2], another[2])
    if both[1] - both[0] > 1.35 * height:
        return False
    if beside < 0.3 * narrower:
        return _is_hat(box, another, height)
    return gap(box, another) <= (0.3 if beside >= 0.5 * narrower else 0.15) * height


def _is_hat(box: Box, other: Box, height: float) -> bool:
    """Return whether a part is the top stroke of a 5 or a 7 that ends before the rest."""
    high, wide = box[1] - box[0], box[3] - box[2]
    middle = (box[0] + box[1]) / 2
    return (
        high <= HAT * height
        and wide >= LONG * high
        and middle <= other[0] + HIGH * height
        and gap(box, other) <= 0.15 * height
    )


def _box_of(group: list[Part]) -> Box:
    return around([part.box for part in group])


def _beside(part: Part, box: Box) -> int:
    return min(part.box[3], box[3]) - max(part.box[2], box[2])


def around(boxes: list[Box]) -> Box:
    """Return the box around boxes, at least one."""
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def gap(box: Box, other: Box) -> int:
    """Return the pixels between two boxes, across or down, the more of both; 0 if they meet."""
    down = max(box[0] - other[1], other[0] - box[1])
    across = max(box[2] - other[3], other[2] - box[3])
    return max(down, across, 0)
