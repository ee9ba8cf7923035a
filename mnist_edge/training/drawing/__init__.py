"""Strokes and pens that draw digits and symbols. Numpy only.

pen.py            strokes through control points become images
hand.py           random numbers that make each drawing of an allograph another one
zero_to_four.py   the allographs of the digits; five_to_nine.py the others
symbols.py        letters, symbols, scribbles
render.py         an allograph, drawn many times by different hands and pens
pool.py           all digits and what is none, as a training shows them
"""
