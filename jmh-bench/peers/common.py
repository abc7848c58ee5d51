"""Shapes and measurement that all peers share."""

import json
import statistics
import sys

# channels, pixels, patch, width, depth, heads, hidden, classes
SIZES = {
    "quick": (1, 28, 7, 32, 3, 4, 64, 10),
    "vit-s16": (3, 224, 16, 384, 12, 6, 1536, 1000),
    "vit-b16": (3, 224, 16, 768, 12, 12, 3072, 1000),
    "vit-1b": (3, 224, 14, 1536, 36, 16, 6144, 1000),
}
DIRECTIONS = 8
LANCZOS_STEPS = 15


REPETITIONS = int(sys.argv[4]) if len(sys.argv) == 5 else 3


def arguments(known=("fp32", "tf32")):
    """Networks, batches and precisions from the command line; precisions that are not known here are left out."""
    if len(sys.argv) not in (4, 5):
        sys.exit(f"arguments: found {len(sys.argv) - 1}, expected NETWORKS BATCHES PRECISIONS [REPETITIONS]")
    networks, batches, precisions = (a.split(",") for a in sys.argv[1:4])
    for name in networks:
        if name not in SIZES:
            sys.exit(f"network: found '{name}', expected one of {', '.join(SIZES)}")
    for precision in precisions:
        if precision not in ("fp32", "tf32", "tf32x3"):
            sys.exit(f"precision: found '{precision}', expected fp32, tf32 or tf32x3")
    return [(n, int(b), p) for p in precisions if p in known for n in networks for b in batches]


def median(timer, work):
    """Median milliseconds of `work` by `timer`, after warm-up."""
    timer(work)
    return statistics.median(timer(work) for _ in range(REPETITIONS))


def report(implementation, device, network, batch, precision, parameters, times, problems):
    """One line of JSON; a part that failed says why instead of a time."""
    print(
        json.dumps(
            {
                "implementation": implementation,
                "device": device,
                "precision": precision,
                "network": network,
                "batch": batch,
                "parameters": parameters,
                **{f"{k}_ms": round(v, 3) for k, v in times.items()},
                **({"failed": problems} if problems else {}),
            }
        ),
        flush=True,
    )


def measure(timer, parts):
    """Times each part; what runs out of memory is recorded, not hidden."""
    times, problems = {}, {}
    for name, work in parts.items():
        try:
            times[name] = median(timer, work)
        except Exception as e:  # libraries differ in what they raise when memory runs out
            problems[name] = (str(e) or repr(e)).splitlines()[0][:200]
    return times, problems
