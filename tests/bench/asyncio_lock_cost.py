#!/usr/bin/python3
"""What asyncio.Lock costs: the cases of lock_cost.c that it has, printed in the same form.

    asyncio_lock_cost.py [ROUNDS]

One line per case: its name, the median of the rounds and the spread, in nanoseconds unless the name
says otherwise. asyncio has no lock for each key, so the keyed cases are what one writes instead: a
dictionary of locks, whose entries go when nobody holds or wants them. Its locks belong to one loop.
Times are of the processor, so that what others run meanwhile does not count; the longest acquire's is
of the clock.
"""

import asyncio
import os
import sys
import time

UNCONTENDED = 200_000
HANDED_OVER = 100_000
TASKS = 8
KEYS = 1_000_000


async def uncontended_ns():
    lock = asyncio.Lock()
    begin = time.process_time_ns()
    for _ in range(UNCONTENDED):
        await lock.acquire()
        lock.release()
    return (time.process_time_ns() - begin) / UNCONTENDED


async def handed_over_ns():
    """Whoever releases queues up again behind the seven others."""
    lock = asyncio.Lock()

    async def pass_on():
        for _ in range(HANDED_OVER // TASKS):
            await lock.acquire()
            lock.release()

    await lock.acquire()
    tasks = [asyncio.create_task(pass_on()) for _ in range(TASKS)]
    await asyncio.sleep(0)  # all wait now
    begin = time.process_time_ns()
    lock.release()
    await asyncio.gather(*tasks)
    return (time.process_time_ns() - begin) / HANDED_OVER


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def keyed(keys):
    locks = {}
    before = resident_bytes()
    longest = 0
    begin = time.process_time_ns()
    last = time.perf_counter_ns()
    for key in keys:
        lock = locks.get(key)
        if lock is None:
            lock = locks[key] = asyncio.Lock()
        await lock.acquire()
        now = time.perf_counter_ns()
        longest = max(longest, now - last)
        last = now
    acquired = time.process_time_ns()
    memory = resident_bytes() - before
    begin_release = time.process_time_ns()
    for key in keys:
        locks[key].release()
        del locks[key]
    released = time.process_time_ns()
    return (
        (acquired - begin) / KEYS,
        longest / 1000,
        (released - begin_release) / KEYS,
        memory / KEYS,
    )


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    keys = [f"/path/{number:09d}" for number in range(KEYS)]
    samples = {}
    for _ in range(rounds):
        for name, case in (("uncontended", uncontended_ns), ("handed_over", handed_over_ns)):
            samples.setdefault(name, []).append(asyncio.run(case()))
        names = ("keyed_acquire", "keyed_longest_us", "keyed_release", "keyed_bytes")
        for name, value in zip(names, asyncio.run(keyed(keys))):
            samples.setdefault(name, []).append(value)
    for name, values in samples.items():
        values.sort()
        print(f"{name} {values[(rounds - 1) // 2]:.1f} {values[0]:.1f} {values[-1]:.1f}")


main()
