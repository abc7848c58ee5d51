"""What the peers on the CPU share: they take the names of what to time from standard input, a line for each round, and print a line of JSON."""

import json
import sys
import time


def shortest(part, seconds, threads):
    """Milliseconds of the fastest of at least two repetitions; with one thread of its processor time."""
    now = time.process_time if threads == 1 else time.perf_counter
    best, start, i = float("inf"), now(), 0
    while i < 2 or now() - start < seconds:
        before = now()
        part()
        best = min(best, now() - before)
        i += 1
    return 1000 * best


def serve(prepare, warm_up, seconds, threads):
    """prepare gives the parts of a name, and what is printed for their times; a new name is warmed up."""
    name = None
    for line in sys.stdin:
        if line.strip() != name:
            name = line.strip()
            parts, report = prepare(name)
            for part in parts.values():
                shortest(part, warm_up, threads)
        times = {key: shortest(part, seconds, threads) for key, part in parts.items()}
        print(json.dumps(report(times)), flush=True)


def network_report(head):
    """The line of a network."""
    return lambda times: {**head, **{f"{key}_ms": round(value, 4) for key, value in times.items()}}
