"""AWS through boto3: the only package that knows it. It satisfies `infragen.cloud.protocol.Cloud`.

`session` creates clients, `invalid_response`, `reply_types` and `reply_limits` refuse replies that AWS did not send,
`failure` turns AWS's errors into ours, `reading` turns AWS's answers into values, `resources` asks the services that
resources belong to, and `account` is the Cloud. No AWS type and no botocore exception leaves this package.
"""

from infragen.aws.account import Account, connect
from infragen.aws.session import ReadRate

__all__ = ["Account", "ReadRate", "connect"]
