"""The page itself: page.html, filled."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mnist_edge.benchmark.device import LIBRARIES
from mnist_edge.benchmark.page import latency, pareto, tables, throughput, units
from mnist_edge.benchmark.page.ranking import Candidate, rank
from mnist_edge.documents import to_json
from mnist_edge.markup import Markup, json_in_html, page, tag


def render(document: Mapping[str, Any]) -> str:
    """The report as a page, which also carries the document itself, as JSON in ``<script id="document">``.

    Args:
        document: What ``report.run`` returns. Numbers that are missing or not finite are shown as missing.

    Returns:
        HTML; the same for the same document.
    """
    document = to_json(document)
    found = rank(document["results"])
    text = page(
        Path(__file__).parent,
        "page.js",
        document=json_in_html(document),
        cpu=html.escape(str(document["device"]["cpu"])),
        facts=_facts(document),
        verdict=_verdict(document["verdict"]),
        warnings=_warnings(document["warnings"]),
        filter=_filter(found),
        key=_key(found),
        longest=latency.LONGEST,
        latency=latency.plot(found),
        pareto=pareto.plot(found),
        throughput=throughput.plot(found),
        single=tables.single(found, document["noise_by_batch"]),
        offline=tables.offline(found, document["noise_by_batch"]),
        models=tables.models(document["results"]),
        **_settings(document["settings"]),
    )
    # A file name that is no UTF-8 has surrogates, which no page can be written with.
    return text.encode(errors="replace").decode()


def _facts(document: Mapping[str, Any]) -> Markup:
    facts = {
        "Machine": _machine(document["device"]),
        "Software": _software(document["device"]),
        "Read": _read(document),
        "Measured": f"for {document['seconds']:g} seconds"
        + (", interrupted before the end" if document["interrupted"] else ""),
        "Noise (A/A)": _noise(document["noise_by_batch"]),
    }
    listed = [part for key, value in facts.items() for part in (tag("dt", key), tag("dd", value))]
    return tag("dl", *listed, class_="facts")


"""What of ``device`` is no version of a library."""


def _machine(device: Mapping[str, Any]) -> str:
    cpus = f"{device['usable_cpus']} of {device['cores']} CPUs usable"
    quota = f"quota of {device['cpu_quota']:g} CPUs" if device["cpu_quota"] else "no CPU quota"
    governor = f"governor {device['governor']}" if device["governor"] else None
    memory = f"{device['memory_bytes'] / 1e9:.1f} GB" if device["memory_bytes"] else None
    parts = [device["cpu"], device["machine"], *device["features"], cpus, quota, governor, memory, device["os"]]
    return " · ".join(str(part) for part in parts if part)


def _software(device: Mapping[str, Any]) -> str:
    versions = {"Python": device["python"], **{name: device[name] for name in LIBRARIES if name in device}}
    return " · ".join(f"{library} {version}" for library, version in versions.items())


def _read(document: Mapping[str, Any]) -> str:
    data = document["data"]
    if not data:
        return f"{document['images']:,} images of random pixels: there is no accuracy to tell"
    return f"{document['images']:,} {data['split']} images of {data['name']}"


def _noise(noises: Mapping[str, float | None]) -> str:
    told = {batch: "unknown" if noise is None else f"±{units.percent(noise)}" for batch, noise in noises.items()}
    return " · ".join(f"{units.counted(int(batch), 'image')}: {noise}" for batch, noise in told.items()) or "unknown"


def _verdict(sentences: Sequence[str]) -> Markup:
    said = sentences or ["No verdict: nothing was measured at one image a call."]
    return _section("verdict", "Verdict", *(tag("p", sentence) for sentence in said))


def _warnings(sentences: Sequence[str]) -> Markup:
    if not sentences:
        return Markup("")
    listed = tag("ul", *(tag("li", sentence) for sentence in sentences))
    return _section("warnings", f"Warning{'s' * (len(sentences) > 1)}", listed)


def _section(identity: str, title: str, *children: Markup) -> Markup:
    return tag("section", tag("h2", title, id=identity), *children, class_=identity, aria_labelledby=identity)


def _filter(found: Sequence[Candidate]) -> Markup:
    """Buttons that page.js makes work; hidden without it."""
    choices = sorted({one.threads for one in found})
    labels = {"": "all", **{str(count): units.counted(count, "thread") for count in choices}}
    buttons = [
        tag("label", Markup(f'<input type="radio" name="threads" value="{value}"{" checked" * (not value)}> '), label)
        for value, label in labels.items()
    ]
    return tag("fieldset", tag("legend", "Show"), *buttons, id="filter", hidden="", data_choices=len(choices))


def _key(found: Sequence[Candidate]) -> Markup:
    """Which colour is which runtime."""
    colours = {one.about["runtime"]: one.colour for one in sorted(found, key=lambda one: one.colour)}
    dot = tag("svg", tag("circle", cx=6, cy=6, r=5, fill="currentColor"), viewBox="0 0 12 12", aria_hidden="true")
    items = [tag("li", tag("span", dot, class_=colour), runtime) for runtime, colour in colours.items()]
    return tag("ul", *items, class_="key", aria_label="Colours of the runtimes")


def _settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """How it was measured, as page.html's prose wants it."""
    said = {
        **settings,
        "batches": ", ".join(f"{batch:,}" for batch in settings["batches"]),
        "threads": ", ".join(str(count) for count in settings["threads"]),
        "against": ", ".join(settings["against"]) or "nothing",
        "idle_ms": f"{settings['idle_ms']:g}",
    }
    return {f"set_{key}": html.escape(str(value)) for key, value in said.items()}
