"""Plain settings: numbers, short texts, and lists of these, as Keras may have them.

Nothing else of a file's configuration comes to Keras: no object of a kind that the file names, no
number that would be a size beyond reason.
"""

from typing import Any

from mnist_edge.errors import shown

Json = dict[str, Any]
Shape = tuple[int, ...]

MAX_NUMBER = 65_536
"""The largest whole number in a configuration: sizes and counts of a classifier stay far below."""

_MAX_CHARACTERS = 200
_MAX_NESTED = 8


class SettingError(ValueError):
    """A setting that may not be; the text says what was expected and found, without the file."""


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """Return a setting as plain numbers, texts and lists.

    Args:
        value: As a configuration has it: tuples and arrays may be objects there.
        name: Of the setting, for an error's text.
        depth: How many lists it stands in.

    Raises:
        SettingError: It is something else, or holds a number above ``MAX_NUMBER``.
    """
    if depth > _MAX_NESTED:
        raise SettingError(f"expected plain settings, found lists in lists as {shown(name)}")
    if isinstance(value, dict):
        return plain(_of_object(value, name), name, depth + 1)
    if isinstance(value, list):
        return [plain(part, name, depth + 1) for part in value]
    if isinstance(value, str):
        if len(value) > _MAX_CHARACTERS:
            raise SettingError(f"expected short texts, found {shown(value)} as {shown(name)}")
        return value
    return _number(value, name)


def _number(value: Any, name: str) -> Any:
    """Return a number, a truth value or None."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise SettingError(
            f"expected whole numbers up to {MAX_NUMBER:,}, found {shown(value)} as {shown(name)}"
        )
    if not isinstance(value, int | float | None):
        raise TypeError("a setting is neither number nor text")
    return value


def _of_object(value: Json, name: str) -> Any:
    """Return what stands in the objects that Keras writes for tuples, shapes and arrays."""
    kind = value.get("class_name")
    if kind in ("__tuple__", "TensorShape"):  # Keras 2
        return value["items"]
    if kind in ("__numpy__", "__tensor__"):
        return value["config"]["value"]
    raise SettingError(f"expected plain settings, found {shown(kind)} as {shown(name)}")


def read_shape(value: Any) -> tuple[int | None, ...]:
    """Return a shape with its batch axis, of whatever a configuration has there.

    Raises:
        SettingError: An axis is larger than ``MAX_NUMBER``.
        TypeError: It is no shape.
    """
    axes = plain(value, "shape")
    if not isinstance(axes, list) or not axes:
        raise TypeError("a shape is no list")
    for axis in axes:
        if axis is not None and (type(axis) is not int or axis < 1):
            raise TypeError("an axis is no positive number")
    return tuple(axes)
