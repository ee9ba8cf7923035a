"""Measures how fast an exported file answers on this machine."""
