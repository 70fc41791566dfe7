"""A worker that does what the options of its job say, for `python -m` where this folder is on the path."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def perform(job):
    """Note the attempt in the folder, where one before it may have done so; then what `recipe` says."""
    made = Path(job["place"]) / "made"
    made.mkdir(exist_ok=True)
    tries = made / "tries"
    tries.write_text((tries.read_text() if tries.exists() else "") + f"{job['attempt']} ")
    what = job["options"]["recipe"]
    if what == "fails":
        return {"outcome": "failed", "seconds": 0.5, "error": "it had to"}
    if what == "dies" or (what == "dies once" and job["attempt"] == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if what.startswith("waits on "):
        node = json.loads((made.parent / "claim.json").read_text())["node"]
        time.sleep(600 if what.removeprefix("waits on ") in node else 0)
    return {"outcome": "done", "seconds": 0.5, "error": None}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(perform(json.loads(line))), flush=True)
