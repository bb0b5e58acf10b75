"""Runs a module as a program, until standard input ends: so no server outlives the tests, however they end.

    serve.py FOLDER MODULE ARGUMENTS...

The folder is removed at the end.
"""

import os
import runpy
import shutil
import signal
import sys
import threading


def end_with_the_tests(folder):
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_the_tests, args=[sys.argv[1]], daemon=True).start()
del sys.argv[:2]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
