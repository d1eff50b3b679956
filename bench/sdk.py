"""Peer (a): a careful script with the official SDK and its retries. Usage: sdk.py WORK.json STATE_DIRECTORY

It notes which instances are done, so that it can be started again; it reads which instances an answer names; and it retries three times
with the SDK's own back-off, on throttling, server errors and broken connections.
"""

import os
import sys

from cloud import Work, named
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.retry.backoff_strategy import EqualJitterBackoffStrategy

RETRIES = 3


def worth_a_retry(_, error):
    if isinstance(error, ClientRequestException):
        return error.status_code == 429
    return isinstance(error, SdkException)


def main(work, state):
    done_path = os.path.join(state, "done")
    done = set()
    if os.path.exists(done_path):
        with open(done_path, encoding="utf-8") as file:
            done = set(file.read().split())
    failed = 0
    with open(done_path, "a", encoding="utf-8") as log:
        for batch in work.batches():
            missing = [i for i in batch if i not in done]
            for _ in range(RETRIES):
                if not missing:
                    break
                try:
                    call = work.client.create_schedule_task_invoker(work.request(missing))
                    answer = call.with_retry(worth_a_retry, RETRIES, EqualJitterBackoffStrategy()).invoke()
                # An answer that is no JSON ends in whatever the parser raises.
                except Exception as error:  # pylint: disable=broad-except
                    print(f"failed: {type(error).__name__}", flush=True)
                    break
                got = named(answer)
                log.write("".join(f"{i}\n" for i in missing if i in got))
                log.flush()
                os.fsync(log.fileno())
                missing = [i for i in missing if i not in got]
            failed += len(missing)
    print(f"unresolved {failed}", flush=True)


if __name__ == "__main__":
    main(Work(sys.argv[1]), sys.argv[2])
