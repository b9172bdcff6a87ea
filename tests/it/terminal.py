"""Runs a program on a terminal: types a line of standard input whenever it waits, and prints what it shows.

Answers what programs ask of a terminal, so that it looks like one: its colours, its kind, where the cursor is.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

ANSWERS = {b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\", b"\x1b[c": b"\x1b[?6c", b"\x1b[6n": b"\x1b[1;1R"}

lines = sys.stdin.buffer.read().splitlines()
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
spoke = False
while True:
    if not select.select([terminal], [], [], 0.2 if spoke else 60)[0]:
        if not spoke or not lines:
            sys.exit("the program waits, and there is nothing left to type")
        os.write(terminal, lines.pop(0) + b"\r")
        spoke = False
        continue
    try:
        shown = os.read(terminal, 65536)
    except OSError:
        # The program has ended, and with it its side of the terminal.
        break
    if not shown:
        break
    spoke = True
    sys.stdout.buffer.write(shown)
    for question, answer in ANSWERS.items():
        if question in shown:
            os.write(terminal, answer)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
