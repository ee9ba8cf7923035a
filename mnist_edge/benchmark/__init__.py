"""How fast an exported file answers on this machine, beside other runtimes.

report.py                    a run, from files to a report; rows.py its rows
runtimes.py, adapters.py     the table of runtimes, and how each is opened; a new one goes there
litert.py, foreign.py        two adapters of more than a page: LiteRT's, and files of others
setup.py                     what is measured: a runtime with a model
networks.py                  the files of a run, and the Keras models that they were made from
candidates.py, baselines.py  what a run measures, and the files made for it
inputs.py                    what is read, and how it is scaled
measure.py                   candidates side by side; worker.py one of them in its own process
clock.py                     how a call is timed
device.py                    the machine, and whether it is quiet
verdict.py                   what the numbers mean, in sentences
schema.py                    the report as data
page/                        the report as a page
compare.py                   two reports; report_file.py reads one
"""
