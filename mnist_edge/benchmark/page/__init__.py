"""A benchmark run as one HTML page that needs nothing else: no network, no fonts, no libraries.

Plots and tables are built here, as text, so that they can be tested as text and are complete where
scripts are off.

  page.html      the frame and the prose; page.css the looks; page.js only filters and highlights
  document.py    fills the frame
  ranking.py     the report's rows as numbered candidates
  latency.py, pareto.py, throughput.py    a plot each, on axes.py
  tables.py      every number
  units.py       numbers as text
"""

from mnist_edge.benchmark.page.document import render

__all__ = ["render"]
