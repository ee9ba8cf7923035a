"""The parts of a row that are surely one digit together: a hat and its five, a broken six."""

from mnist_edge.runtime.preprocess.parts import Box, Part
from mnist_edge.runtime.preprocess.rows import Row

BROKEN = 0.75  # height of what may be a piece of a digit with broken strokes, over the row's


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
    """Return whether one lies above or below the other, close by, and both are no higher than 1."""
    box, another = _box_of(group), _box_of(other)
    both = around([box, another])
    narrower = min(box[3] - box[2], another[3] - another[2])
    beside = min(box[3], another[3]) - max(box[2], another[2])
    if beside < 0.3 * narrower or both[1] - both[0] > 1.35 * height:
        return False
    return gap(box, another) <= (0.3 if beside >= 0.5 * narrower else 0.15) * height


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
