"""The official Python SDK, unmodified, against `patchboard simulator`.

Usage: journey.py PATH_OF_PATCHBOARD. Starts the simulator on a free port, makes every call that Patchboard makes, and ends
with an error on the first answer that is not as it should be.
"""

import datetime
import re
import subprocess
import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkgaussdbforopengauss.v3 import (
    CancelScheduleTaskRequest,
    CreateScheduleTaskRequest,
    CreateScheduleTaskRequestBody,
    DeleteScheduleTaskRequest,
    GaussDBforopenGaussClient,
    ListDatabaseInstancesRequest,
    ListScheduleTaskRequest,
    ShowUpgradeCandidateVersionsDetailsRequest,
)


def read_settings(process):
    settings = {}
    for line in process.stdout:
        found = re.match(r"Simulated GaussDB cloud at (\S+)", line)
        if found:
            settings["endpoint"] = found.group(1)
        found = re.match(r"\s+(project id|access key|secret key)\s+(\S+)", line)
        if found:
            settings[found.group(1)] = found.group(2)
        if "secret key" in settings:
            return settings
    raise SystemExit("the simulator did not start")


def client(settings, secret_key):
    config = HttpConfig.get_default_config()
    credentials = BasicCredentials(settings["access key"], secret_key, settings["project id"])
    builder = GaussDBforopenGaussClient.new_builder()
    return builder.with_http_config(config).with_credentials(credentials).with_endpoint(settings["endpoint"]).build()


def expect(condition, what):
    if not condition:
        raise SystemExit(f"not as it should be: {what}")
    print(f"ok  {what}")


def journey(settings):
    gaussdb = client(settings, settings["secret key"])

    listed = gaussdb.list_database_instances(ListDatabaseInstancesRequest(limit=100))
    expect(listed.total_count == 60 and len(listed.instances) == 60, "60 instances are listed")

    candidates = {}
    for instance in (i for i in listed.instances if i.status == "ACTIVE" and "demo-" not in i.name):
        answer = gaussdb.show_upgrade_candidate_versions_details(
            ShowUpgradeCandidateVersionsDetailsRequest(instance_id=instance.id)
        )
        for version in answer.hotfix_upgrade_candidate_versions:
            candidates.setdefault(version, []).append(instance.id)
    version, ids = max(candidates.items(), key=lambda item: len(item[1]))
    expect(len(ids) >= 2, f"{version} is offered to {len(ids)} instances")

    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=9)
    body = CreateScheduleTaskRequestBody(
        instance_ids=ids[:2],
        start_time=start.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        upgrade_type="hotfix",
        upgrade_action="upgradeAutoCommit",
        target_version=version,
    )
    created = gaussdb.create_schedule_task(CreateScheduleTaskRequest(body=body))
    made = {task.instance_id: task.task_id for task in created.instance_tasks}
    expect(set(made) == set(ids[:2]), "both instances have a task")

    def mine(status):
        tasks = gaussdb.list_schedule_task(ListScheduleTaskRequest(instance_id=ids[0], status=status)).tasks
        return [task for task in tasks if task.task_id == made[ids[0]].replace("-", "")]

    expect(len(mine("Pending")) == 1, "the task is pending in the list")
    gaussdb.cancel_schedule_task(CancelScheduleTaskRequest(task_id=made[ids[0]]))
    expect(len(mine("Canceled")) == 1, "the task is cancelled in the list")
    gaussdb.delete_schedule_task(DeleteScheduleTaskRequest(task_id=made[ids[0]]))
    expect(mine("Canceled") == [], "its record is deleted")

    try:
        client(settings, "wrong").list_database_instances(ListDatabaseInstancesRequest())
        raise SystemExit("a wrong secret key was accepted")
    except ClientRequestException as error:
        expect(error.status_code == 401 and error.error_code == "APIGW.0301", "a wrong secret key is refused as by the gateway")


def main():
    command = [sys.argv[1], "simulator", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            journey(read_settings(process))
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
