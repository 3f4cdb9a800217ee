"""Drives the scenario and writes down, before any log is read, what must come out of it."""

import concurrent.futures
import json
import os
import random
import signal
import sys
import time

from scenario import Scenario
from wire import Hosts

SEED = int(os.environ.get("SEED", "20261124"))


def rotate(work, kept):
    """What logrotate does: rename, then tell rsyslogd to open its files anew."""
    for style in ("rfc3339", "traditional"):
        name = "%s/log/%s/mail.log" % (work, style)
        for n in range(kept, 0, -1):
            os.rename("%s.%d" % (name, n), "%s.%d" % (name, n + 1))
        os.rename(name, name + ".1")
    os.kill(int(open(work + "/rsyslogd.pid").read()), signal.SIGHUP)


def together(tasks, workers):
    """Runs the tasks and returns what went wrong, so that one run shows every mistake."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(task) for task in tasks]
    return [done.exception() for done in running if done.exception()]


def main(work):
    scenario = Scenario(Hosts(work), random.Random(SEED))
    start = time.time()
    parts = scenario.parts()
    wrong = []
    for n, part in enumerate(parts):
        scenario.random.shuffle(part)
        # The first task of a part alone, so that pids and connections do not all start at once.
        wrong += together(part[:1], 1) + together(part[1:], 5)
        print("part %d of %d: %.0f s" % (n + 1, len(parts), time.time() - start), flush=True)
        if n < 2:
            rotate(work, n)
            time.sleep(1)
    scenario.finish()
    time.sleep(2)
    # The log ends here, before the clients that are still connected go away.
    os.kill(int(open(work + "/rsyslogd.pid").read()), signal.SIGTERM)
    time.sleep(2)
    with open(work + "/truth.json", "w", encoding="utf-8") as out:
        json.dump(scenario.truth, out, indent=1)
    print("driven in %.0f s" % (time.time() - start))
    for mistake in wrong:
        print("%s: %s" % (type(mistake).__name__, mistake), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
