"""Runs a program until standard input ends: so no server outlives the tests, however they end.

    guard.py FOLDER PROGRAM ARGUMENTS...

The program is told to stop at once, with all that it has started, and the folder is removed at the end.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

PATIENCE = 5
# What the program leaves behind becomes a child of this process (prctl(2), PR_SET_CHILD_SUBREAPER).
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def children():
    pids = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as listed:
            pids += map(int, listed.read().split())
    return pids


def tell(pid, *signals):
    try:
        for one in signals:
            os.kill(pid, one)
    except ProcessLookupError:
        pass


def heed_quit():
    # Whoever runs the tests in the background ignores it, and all programs would with them.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


folder, argv = sys.argv[1], sys.argv[2:]
program = subprocess.Popen(argv, stdin=subprocess.DEVNULL, preexec_fn=heed_quit)


def end_with_the_tests():
    sys.stdin.buffer.read()
    # A stopped process hears nothing else.
    tell(program.pid, signal.SIGCONT, signal.SIGQUIT)
    time.sleep(PATIENCE)
    tell(program.pid, signal.SIGKILL)


threading.Thread(target=end_with_the_tests, daemon=True).start()
# Whatever else ends meanwhile is buried, too: who waits for it must not find it undead.
while os.waitpid(-1, 0)[0] != program.pid:
    pass
told, until = set(), time.monotonic() + PATIENCE
while left := children():
    for pid in left:
        if time.monotonic() > until:
            tell(pid, signal.SIGKILL)
        elif pid not in told:
            told.add(pid)
            tell(pid, signal.SIGCONT, signal.SIGQUIT)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        break
    time.sleep(0.01)
if folder:
    shutil.rmtree(folder, ignore_errors=True)
