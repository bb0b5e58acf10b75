"""Runs a program until standard input ends: so no server outlives the tests, however they end.

    guard.py FOLDER PROGRAM ARGUMENTS...

The program is told to stop at once, and the folder is removed at the end.
"""

import shutil
import signal
import subprocess
import sys
import threading

folder, argv = sys.argv[1], sys.argv[2:]
program = subprocess.Popen(argv, stdin=subprocess.DEVNULL)


def end_with_the_tests():
    sys.stdin.buffer.read()
    # A stopped process hears nothing else.
    program.send_signal(signal.SIGCONT)
    program.send_signal(signal.SIGQUIT)
    try:
        program.wait(5)
    except subprocess.TimeoutExpired:
        program.kill()


threading.Thread(target=end_with_the_tests, daemon=True).start()
program.wait()
if folder:
    shutil.rmtree(folder, ignore_errors=True)
