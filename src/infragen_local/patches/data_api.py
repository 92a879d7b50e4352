"""RDS Data API without a database behind it.

MiniStack sends the SQL to a database in a container; without one BeginTransaction fails ("psycopg2 is required…").
Here every statement of a cluster without a container succeeds: 1 for a `count(`, no rows otherwise. So a function that
prepares a database runs to its end, and what it does besides SQL (secrets, answers to CloudFormation) is real.
The checks before it stay MiniStack's: the cluster exists, its HTTP endpoint is on, the secret has a password.
"""

import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import rds_data

Request = dict[str, Any]


def apply() -> None:
    """Answer the Data API for clusters that no container runs."""
    begin, execute = rds_data._begin_transaction, rds_data._execute_statement
    commit, rollback = rds_data._commit_transaction, rds_data._rollback_transaction
    open_transactions: set[str] = set()

    def begin_transaction(request: Request) -> Any:
        if not _has_no_database(request):
            return begin(request)
        transaction = str(uuid.uuid4())
        open_transactions.add(transaction)
        return rds_data.json_response({"transactionId": transaction})

    def execute_statement(request: Request) -> Any:
        transaction = request.get("transactionId")
        if not _has_no_database(request) or (transaction and transaction not in open_transactions):
            return execute(request)
        rows = [[{"longValue": 1}]] if "count(" in str(request.get("sql", "")).lower() else []
        return rds_data.json_response({"numberOfRecordsUpdated": 0, "generatedFields": [], "records": rows})

    def end_transaction(own: Callable[[Request], Any], status: str) -> Callable[[Request], Any]:
        def end(request: Request) -> Any:
            if request.get("transactionId") not in open_transactions:
                return own(request)
            open_transactions.discard(str(request["transactionId"]))
            return rds_data.json_response({"transactionStatus": status})

        return end

    rds_data._begin_transaction = begin_transaction
    rds_data._execute_statement = execute_statement
    rds_data._commit_transaction = end_transaction(commit, "Transaction Committed")
    rds_data._rollback_transaction = end_transaction(rollback, "Rollback Complete")


def _has_no_database(request: Request) -> bool:
    """Tell whether the request passes MiniStack's checks and would then fail for want of a database."""
    arn = request.get("resourceArn") or ""
    instance, _engine, cluster = rds_data._resolve_target(arn)
    if not instance or rds_data._has_real_endpoint(instance):
        return False
    refused = rds_data._validate_http_endpoint_enabled(cluster, arn)
    _user, _password, secret_error = rds_data._require_secret_credentials(request.get("secretArn"))
    return not refused and not secret_error
