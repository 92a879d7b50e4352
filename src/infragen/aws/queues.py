"""Messages of dead-letter queues on boto3 (`infragen.cloud.workload.Queues`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infragen.aws.account_reads import asked
from infragen.aws.reading import NOT_AWS, batches, member, plain
from infragen.aws.session import Clients
from infragen.cloud.workload import MoveTask, QueueMessage, QueueState
from infragen.errors import CloudError

AT_ONCE = 10
"""Messages that one request takes (Amazon SQS API Reference, ReceiveMessage, ChangeMessageVisibilityBatch)."""

_PASSED_ON = ("DataType", "StringValue", "BinaryValue")


@dataclass(frozen=True)
class QueueCalls:
    """The Queues on boto3."""

    clients: Clients

    def queue_state(self, url: str) -> QueueState:
        """Call SQS GetQueueAttributes."""
        with asked("sqs:GetQueueAttributes", f"reading the queue {url}"):
            answer = self.clients.queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            found: Mapping[str, str] = member(answer, "Attributes")
            return QueueState(
                arn=member(found, "QueueArn"),
                fifo=found.get("FifoQueue") == "true",
                waiting=int(found.get("ApproximateNumberOfMessages", 0)),
                in_flight=int(found.get("ApproximateNumberOfMessagesNotVisible", 0)),
                delayed=int(found.get("ApproximateNumberOfMessagesDelayed", 0)),
            )

    def receive(self, url: str, count: int, hidden: int) -> tuple[QueueMessage, ...]:
        """Call SQS ReceiveMessage."""
        with asked("sqs:ReceiveMessage", f"receiving messages of {url}"):
            answer = self.clients.queues.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(count, AT_ONCE),
                VisibilityTimeout=hidden,
                WaitTimeSeconds=1,  # asks all of SQS's servers, and waits no longer than that, whatever the queue says
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            return tuple(map(_message, answer.get("Messages", ())))

    def release(self, url: str, messages: Sequence[QueueMessage]) -> None:
        """Call SQS ChangeMessageVisibilityBatch."""
        for some in batches(messages, AT_ONCE):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": each.handle, "VisibilityTimeout": 0}
                for number, each in enumerate(some)
            ]
            with asked("sqs:ChangeMessageVisibility", f"giving messages back to {url}"):
                self.clients.queues.change_message_visibility_batch(QueueUrl=url, Entries=entries)

    def send_again(self, url: str, message: QueueMessage) -> None:
        """Call SQS SendMessage. The id of the old message tells a FIFO queue's duplicates apart: a repeated call
        within five minutes sends no second one (Amazon SQS Developer Guide, "Exactly-once processing").
        """
        given: dict[str, Any] = {"QueueUrl": url, "MessageBody": message.body}
        if message.attributes:
            given["MessageAttributes"] = dict(message.attributes)
        if message.group:
            given |= {"MessageGroupId": message.group, "MessageDeduplicationId": f"redrive-{message.id}"}
        with asked("sqs:SendMessage", f"sending a message to {url}"):
            self.clients.queues.send_message(**given)

    def delete_message(self, url: str, message: QueueMessage) -> None:
        """Call SQS DeleteMessage."""
        with asked("sqs:DeleteMessage", f"deleting a message of {url}"):
            self.clients.queues.delete_message(QueueUrl=url, ReceiptHandle=message.handle)

    def start_move(self, source: str, destination: str, rate: int | None) -> None:
        """Call SQS StartMessageMoveTask."""
        given: dict[str, Any] = {"SourceArn": source, "DestinationArn": destination}
        if rate is not None:
            given["MaxNumberOfMessagesPerSecond"] = rate
        with asked("sqs:StartMessageMoveTask", f"moving messages out of {source}"):
            self.clients.queues.start_message_move_task(**given)

    def move_tasks(self, source: str) -> tuple[MoveTask, ...]:
        """Call SQS ListMessageMoveTasks: the last ten."""
        with asked("sqs:ListMessageMoveTasks", f"reading the moves out of {source}"):
            rows = self.clients.queues.list_message_move_tasks(SourceArn=source, MaxResults=AT_ONCE).get("Results", ())
            found = [
                MoveTask(
                    status=member(each, "Status"),
                    moved=int(each.get("ApproximateNumberOfMessagesMoved") or 0),
                    to_move=int(each.get("ApproximateNumberOfMessagesToMove") or 0),
                    reason=plain(each.get("FailureReason")),
                    started=float(each.get("StartedTimestamp") or 0) / 1000,
                    handle=str(each.get("TaskHandle") or ""),
                )
                for each in rows
            ]
        return tuple(sorted(found, key=lambda each: -each.started))

    def cancel_move(self, handle: str) -> None:
        """Call SQS CancelMessageMoveTask."""
        with asked("sqs:CancelMessageMoveTask", "ending the move"):
            self.clients.queues.cancel_message_move_task(TaskHandle=handle)

    def function_changed(self, function: str) -> float:
        """Call Lambda GetFunctionConfiguration."""
        with asked("lambda:GetFunctionConfiguration", f"reading the function {function}"):
            said = member(self.clients.functions.get_function_configuration(FunctionName=function), "LastModified")
        try:
            return datetime.fromisoformat(str(said)).timestamp()
        except ValueError:
            raise CloudError(
                f"the function {function} was changed last at {plain(str(said))}, which is no time", NOT_AWS
            ) from None


def _message(row: Mapping[str, Any]) -> QueueMessage:
    about = row.get("Attributes") or {}
    attributes = {
        name: {key: value for key, value in each.items() if key in _PASSED_ON}
        for name, each in (row.get("MessageAttributes") or {}).items()
    }
    return QueueMessage(
        id=member(row, "MessageId"),
        body=row.get("Body", ""),
        handle=member(row, "ReceiptHandle"),
        sent=float(about.get("SentTimestamp") or 0) / 1000,
        receives=int(about.get("ApproximateReceiveCount") or 0),
        group=about.get("MessageGroupId", ""),
        attributes=attributes,
    )
