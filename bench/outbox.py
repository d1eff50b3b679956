"""Peer (b): a transactional outbox as it is usually written. Usage: outbox.py WORK.json STATE_DIRECTORY

Every message is on disk before it is sent, and is sent until an answer says that it was: at least once.
"""

import json
import os
import sqlite3
import sys
import time

from cloud import Work, named


def main(work, state):
    db = sqlite3.connect(os.path.join(state, "outbox.db"), isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, instances TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0)")
    if db.execute("SELECT COUNT(*) FROM outbox").fetchone()[0] == 0:
        db.executemany("INSERT INTO outbox (instances) VALUES (?)", [(json.dumps(b),) for b in work.batches()])
    db.execute("COMMIT")
    while True:
        row = db.execute("SELECT id, instances FROM outbox WHERE sent = 0 ORDER BY id LIMIT 1").fetchone()
        if row is None:
            break
        message, instances = row[0], json.loads(row[1])
        try:
            got = named(work.client.create_schedule_task(work.request(instances)))
        # Whatever it was: it is sent again.
        except Exception as error:  # pylint: disable=broad-except
            print(f"again: {type(error).__name__}", flush=True)
            time.sleep(0.2)
            continue
        missing = [i for i in instances if i not in got]
        if missing:
            db.execute("UPDATE outbox SET instances = ? WHERE id = ?", (json.dumps(missing), message))
        else:
            db.execute("UPDATE outbox SET sent = 1 WHERE id = ?", (message,))
    print("unresolved 0", flush=True)


if __name__ == "__main__":
    main(Work(sys.argv[1]), sys.argv[2])
