"""The page itself: page.html, filled."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from mnist_edge.benchmark.page import latency, pareto, tables, throughput, units
from mnist_edge.benchmark.page.ranking import Candidate, rank
from mnist_edge.benchmark.schema import Device, Report, Settings
from mnist_edge.documents import to_json
from mnist_edge.markup import Markup, json_in_html, page, tag


def render(report: Report) -> str:
    """Return a report as a page.

    The page also carries the report itself, as JSON in ``<script id="document">``.

    Args:
        report: What ``report.run`` returns. Numbers that are missing or not finite are shown as
            missing.

    Returns:
        HTML; the same for the same report.
    """
    found = rank(report.results)
    text = page(
        Path(__file__).parent,
        "page.js",
        document=json_in_html(to_json(report)),
        cpu=html.escape(report.device.hardware.cpu),
        facts=_facts(report),
        verdict=_verdict(report.verdict),
        warnings=_warnings(report.warnings),
        filter=_filter(found),
        key=_key(found),
        longest=latency.LONGEST,
        latency=latency.plot(found),
        pareto=pareto.plot(found),
        throughput=throughput.plot(found),
        single=tables.single(found, report.noise_by_batch),
        offline=tables.offline(found, report.noise_by_batch),
        models=tables.models(report.results),
        **_settings(report.settings),
    )
    # A file name that is no UTF-8 has surrogates, which no page can be written with.
    return text.encode(errors="replace").decode()


def _facts(report: Report) -> Markup:
    interrupted = ", interrupted before the end" if report.interrupted else ""
    facts = {
        "Machine": _machine(report.device),
        "Software": _software(report.device),
        "Read": _read(report),
        "Measured": f"for {report.seconds:g} seconds{interrupted}",
        "Noise (A/A)": _noise(report.noise_by_batch),
    }
    listed: list[Markup] = []
    for title, text in facts.items():
        listed += [tag("dt", title), tag("dd", text)]
    return tag("dl", *listed, class_="facts")


def _machine(device: Device) -> str:
    hardware = device.hardware
    quota = f"quota of {hardware.cpu_quota:g} CPUs" if hardware.cpu_quota else "no CPU quota"
    parts = [
        hardware.cpu,
        hardware.machine,
        *hardware.features,
        f"{hardware.usable_cpus} of {hardware.cores or 'unknown'} CPUs usable",
        quota,
        f"governor {device.governor}" if device.governor else "",
        f"{device.memory_bytes / 1e9:.1f} GB" if device.memory_bytes else "",
        device.os,
    ]
    return " · ".join(filter(None, parts))


def _software(device: Device) -> str:
    versions = {"Python": device.python, **device.software}
    return " · ".join(f"{library} {version}" for library, version in versions.items())


def _read(report: Report) -> str:
    if not report.data:
        return f"{report.images:,} generated inputs: the accuracy is unknown"
    return f"{report.images:,} {report.data.split} examples of {report.data.name}"


def _noise(noises: Mapping[int, float | None]) -> str:
    listed = []
    for batch, noise in noises.items():
        listed.append(f"batch {batch:,}: {_plus_minus(noise)}")
    return " · ".join(listed) or "unknown"


def _plus_minus(noise: float | None) -> str:
    known = units.known(noise)
    return "unknown" if known is None else f"±{units.percent(known)}"


def _verdict(sentences: Sequence[str]) -> Markup:
    shown = sentences or ["No verdict: nothing was measured at batch 1."]
    return _section("verdict", "Verdict", *(tag("p", sentence) for sentence in shown))


def _warnings(sentences: Sequence[str]) -> Markup:
    if not sentences:
        return Markup("")
    listed = tag("ul", *(tag("li", sentence) for sentence in sentences))
    return _section("warnings", f"Warning{'s' * (len(sentences) > 1)}", listed)


def _section(identity: str, title: str, *children: Markup) -> Markup:
    heading = tag("h2", title, id=identity)
    return tag("section", heading, *children, class_=identity, aria_labelledby=identity)


def _filter(found: Sequence[Candidate]) -> Markup:
    """Make buttons that page.js gives their function; hidden without it."""
    choices = sorted({one.threads for one in found})
    buttons = [_button("", "all", " checked")]
    buttons += [_button(str(count), units.counted(count, "thread")) for count in choices]
    legend = tag("legend", "Show")
    return tag("fieldset", legend, *buttons, id="filter", hidden="", data_choices=len(choices))


def _button(value: str, label: str, checked: str = "") -> Markup:
    radio = Markup(f'<input type="radio" name="threads" value="{value}"{checked}> ')
    return tag("label", radio, label)


def _key(found: Sequence[Candidate]) -> Markup:
    """Make the list of which colour is which runtime."""
    by_colour = sorted(found, key=lambda one: one.colour)
    colours = {one.row.setup.runtime: one.colour for one in by_colour}
    circle = tag("circle", cx=6, cy=6, r=5, fill="currentColor")
    dot = tag("svg", circle, viewBox="0 0 12 12", aria_hidden="true")
    items = []
    for runtime, colour in colours.items():
        items.append(tag("li", tag("span", dot, class_=colour), runtime))
    return tag("ul", *items, class_="key", aria_label="Colours of the runtimes")


def _settings(settings: Settings) -> dict[str, str]:
    """Return how it was measured, as page.html's prose has it."""
    shown = {
        **to_json(settings),
        "batches": ", ".join(f"{batch:,}" for batch in settings.batches),
        "threads": ", ".join(str(count) for count in settings.threads),
        "against": ", ".join(settings.against) or "nothing",
        "idle_ms": f"{settings.idle_ms:g}",
    }
    return {f"set_{name}": html.escape(str(value)) for name, value in shown.items()}
