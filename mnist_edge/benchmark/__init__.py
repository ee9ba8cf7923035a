"""How fast an exported file answers on this machine, beside other runtimes.

report.py                    a run, from files to a report
runtimes.py, adapters.py     the table of runtimes, and how each is opened; a new one goes there
candidates.py, baselines.py  what a run measures, and the files made for it
measure.py                   candidates side by side; worker.py one of them in its own process
clock.py                     how a call is timed
device.py                    the machine, and whether it is quiet
verdict.py                   what the numbers mean, in sentences
schema.py                    the report as data
page/                        the report as a page
compare.py                   two reports; report_file.py reads one
"""
