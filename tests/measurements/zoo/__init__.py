"""Usual classifiers, trained, exported and measured as other people's would be: make zoo.

sets.py       data that is at hand without a download, as files
networks.py   the list of networks, which stands before anything is measured
__main__.py   trains, exports and measures them, and writes docs/zoo.md
"""
