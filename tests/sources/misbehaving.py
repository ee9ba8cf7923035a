"""Children that end as they should not: ``python -m tests.sources.misbehaving FOLDER WAY``."""

import os
import signal
import sys

NOTHING, TOO_LITTLE, TOO_MUCH, CRASH, OUT_OF_TIME, ERROR, WAIT = "abcdefg"


def main() -> None:
    way = sys.argv[2]
    if way == TOO_LITTLE:
        os.write(1, b"{}\n" + bytes(4))
    elif way == TOO_MUCH:
        os.write(1, bytes(10_000))
    elif way == CRASH:
        os.kill(os.getpid(), signal.SIGSEGV)
    elif way == OUT_OF_TIME:
        os.kill(os.getpid(), signal.SIGXCPU)
    elif way == ERROR:
        sys.exit(7)
    elif way == WAIT:
        signal.pause()


if __name__ == "__main__":
    main()
