"""dynaxx beside the best peer of at least its precision: compare.py FOLDER with report.jsonl and the peers' .jsonl files."""

import json
import pathlib
import sys

ORDER = ["tf32", "tf32x3", "fp32"]
PARTS = ["gradient", "hvp1", "hvp8", "quadratic8", "snapshot"]


def lines(path):
    """The measurements of a file; a line cut off by a time limit, and what is no measurement, are left out."""
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(entry, dict) and "network" in entry:
            yield entry


def best(peers, ours, part):
    """The smallest time, and whose."""
    times = [
        (peer[f"{part}_ms"], f"{peer['implementation']} {peer['precision']}")
        for peer in peers
        if peer["network"] == ours["network"]
        and peer["batch"] == ours["batch"]
        and ORDER.index(peer["precision"]) >= ORDER.index(ours["precision"])
        and f"{part}_ms" in peer
    ]
    return min(times, default=None)


def main():
    if len(sys.argv) != 2:
        sys.exit(f"arguments: found {len(sys.argv) - 1}, expected FOLDER")
    folder = pathlib.Path(sys.argv[1])
    report = folder / "report.jsonl"
    if not report.exists():
        sys.exit(f"{report}: found no such file, expected the output of GpuReport")
    measured = list(lines(report))
    peers = [entry for path in sorted(folder.glob("*.jsonl")) if path != report for entry in lines(path)]
    print("| network | batch | precision | part | dynaxx, ms | of its gradient | best peer, ms | peer / dynaxx | which |")
    print("|---|---|---|---|---|---|---|---|---|")
    for ours in measured:
        for part in PARTS:
            time = ours[f"{part}_ms"]
            found = best(peers, ours, part)
            theirs = f"{found[0]:.2f} | {found[0] / time:.2f} | {found[1]}" if found else "not measured | |"
            ratio = time / ours["gradient_ms"]
            print(f"| {ours['network']} | {ours['batch']} | {ours['precision']} | {part} | {time:.2f} | {ratio:.2f} | {theirs} |")


if __name__ == "__main__":
    main()
