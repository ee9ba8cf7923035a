"""docs/api.md is what today's docstrings say."""

import mnist_edge
from tests import api


def test_the_page_is_current() -> None:
    assert api.PAGE.read_text() == api.page(), "run make api"


def test_the_page_has_every_public_name() -> None:
    page = api.page()
    for name in mnist_edge.__all__:
        if name != "__version__":
            assert f"`{name}`" in page or f"## {name}\n" in page
    assert "### Predictor.predict_picture\n" in page
    assert "### Prediction.confidence\n" in page
    assert "``" not in page.replace("```", "")
