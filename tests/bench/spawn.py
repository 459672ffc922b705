"""Run one command and print what it took, as JSON: wall and CPU seconds, peak memory in MB, exit code.

A program of its own, started as `python -I -S spawn.py FOLDER OUTPUT COMMAND...`: the peak memory of a child counts
that of whoever forked it, so that must be small.
"""

import os
import sys
import time

folder, output, *command = sys.argv[1:]
os.chdir(folder)
sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
actions = [(os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, sink, 2)]
began = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - began
scale = 1024 * 1024 if sys.platform == "darwin" else 1024
print(
    f'{{"wall": {wall}, "cpu": {used.ru_utime + used.ru_stime}, "mb": {used.ru_maxrss / scale}, '
    f'"code": {os.waitstatus_to_exitcode(status)}}}'
)
