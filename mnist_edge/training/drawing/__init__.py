"""Drawing with a pen: forms of digits, and what is none, as strokes. Numpy only.

    pen.py            strokes through control points become images
    hand.py           random numbers that make each drawing of a form another one
    zero_to_four.py   the forms of the digits; five_to_nine.py the others
    signs.py          letters, signs, scribbles

``training.drawn`` draws with these. A form returns its strokes in a box of about 0..1, x to the
right and y down.
"""
