"""What both peers of `cargo xtask bench faults` share: the official SDK, and the work to do.

The work is a JSON file: endpoint, keys, project, version, start time, and batches of instance ids.
"""

import json

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkgaussdbforopengauss.v3 import (
    CreateScheduleTaskRequest,
    CreateScheduleTaskRequestBody,
    GaussDBforopenGaussClient,
)


class Work:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.settings = json.load(file)
        credentials = BasicCredentials(self.settings["access_key"], self.settings["secret_key"], self.settings["project_id"])
        builder = GaussDBforopenGaussClient.new_builder().with_http_config(HttpConfig.get_default_config())
        self.client = builder.with_credentials(credentials).with_endpoint(self.settings["endpoint"]).build()

    def batches(self):
        return self.settings["batches"]

    def request(self, instance_ids):
        body = CreateScheduleTaskRequestBody(
            instance_ids=instance_ids,
            start_time=self.settings["start_time"],
            upgrade_type="hotfix",
            upgrade_action="upgradeAutoCommit",
            target_version=self.settings["version"],
        )
        return CreateScheduleTaskRequest(body=body)


def named(answer):
    """Instances that an answer names: it may leave some out."""
    return {task.instance_id for task in getattr(answer, "instance_tasks", None) or [] if task.instance_id}
