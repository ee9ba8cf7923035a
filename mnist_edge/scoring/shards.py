"""Sources -> shards: the plan of a run, as data. The same inputs and options give the same plan."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mnist_edge.errors import DataError, OptionError, shown
from mnist_edge.model_spec import ModelSpec
from mnist_edge.scoring.inputs import Input
from mnist_edge.scoring.readers import Want, extents
from mnist_edge.scoring.schema import PICTURES_PER_SHARD, ROWS_PER_SHARD, Options, Shard, Source


def plan(inputs: Sequence[Input], options: Options, spec: ModelSpec) -> list[Shard]:
    """Return the shards of all inputs, in order.

    Args:
        inputs: As ``find_inputs`` returns them.
        options: Of the run.
        spec: What the model takes.

    Raises:
        DataError: One cannot be read, or there are no rows in any.
    """
    shards: list[Shard] = []
    for one in inputs:
        for shard in _of(one, options, spec):
            shards.append(replace(shard, number=len(shards)))
    if not shards:
        raise DataError("expected at least one row in the inputs, found none")
    return shards


def every_nth(shards: Sequence[Shard], text: str | None) -> list[Shard]:
    """Return what ``--shard K/N`` leaves of a plan: every Nth shard, beginning with the Kth.

    Args:
        shards: The whole plan.
        text: Such as "2/8"; None for all.

    Raises:
        OptionError: It is something else.
    """
    if text is None:
        return list(shards)
    first, _, count = text.partition("/")
    valid = first.isdecimal() and count.isdecimal() and len(text) < 20
    if not valid or not 1 <= int(first) <= int(count):
        raise OptionError(f"expected --shard as K/N with K from 1 to N, received {shown(text)}")
    return list(shards[int(first) - 1 :: int(count)])


def _of(one: Input, options: Options, spec: ModelSpec) -> Iterator[Shard]:
    source = one.source
    limit = options.rows_per_shard or ROWS_PER_SHARD
    whole = Shard(0, source.place, source.kind, 0, None)
    if source.kind == "tar":
        yield whole
    elif source.kind == "pictures":
        yield from _pictures(source, one.files, options.rows_per_shard or PICTURES_PER_SHARD)
    else:
        for extent in extents(source, Want.of(options, spec), limit):
            yield replace(
                whole,
                start=extent.start,
                rows=extent.rows,
                offset=extent.offset,
                length=extent.length,
            )


def _pictures(source: Source, files: tuple[str, ...], limit: int) -> Iterator[Shard]:
    for start in range(0, len(files), limit):
        some = files[start : start + limit]
        yield Shard(0, source.place, source.kind, start, len(some), files=some)
