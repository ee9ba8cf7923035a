"""Pictures of digits that the tests draw themselves."""

from PIL import Image, ImageDraw


def seven() -> Image.Image:
    """A 7, drawn dark on white with a round pen."""
    image = Image.new("L", (280, 280), 255)
    draw = ImageDraw.Draw(image)
    points = [(75, 70), (205, 70), (165, 140), (135, 220)]
    draw.line(points, fill=0, width=22, joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - 11, y - 11, x + 11, y + 11), fill=0)
    return image
