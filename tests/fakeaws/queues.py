"""SQS: queues, and messages that are sent, received, given back and deleted, as far as dead letters are moved.

Source: Amazon SQS API Reference, read 2026-11-29. Standard queues only: a queue gives its messages in order here, once
each until they are visible again, which AWS promises of FIFO queues alone.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fakeaws.account import Account, Params, resources
from fakeaws.model import Message
from fakeaws.protocol import ApiError


class Queues(Account):
    """SQS: the queues of stacks, and the messages in them (`Cloud.messages`)."""

    def GetQueueUrl(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Where a queue is. The code is that of the Query protocol, which SQS sends in a header beside its own, and
        which botocore then takes (SQS Developer Guide, "AWS JSON protocol FAQs").
        """
        name = p["QueueName"]
        if name not in self.names("AWS::SQS::Queue"):
            raise ApiError("QueueDoesNotExist", "The specified queue does not exist.")
        return {"QueueUrl": f"https://sqs.{self.region}.amazonaws.com/{self.account}/{name}"}

    def GetQueueAttributes(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """How many messages wait in a queue of a stack: `Settings.queued`. Every value is a text."""
        kind = "AWS::SQS::Queue"
        for each in resources(self.cloud, self.account, self.region, kind):
            if each.physical_id == p["QueueUrl"]:
                arn = f"arn:aws:sqs:{self.region}:{self.account}:{each.physical_id.rpartition('/')[2]}"
                there = self.cloud.messages.get(each.physical_id, [])
                hidden = sum(one.hidden_until > self.cloud.clock.seconds for one in there)
                waiting = self.cloud.settings.queued.get(each.logical_id, 0) + len(there) - hidden
                numbers = {"Messages": waiting, "MessagesNotVisible": hidden, "MessagesDelayed": 0}
                counted = {f"ApproximateNumberOf{name}": str(number) for name, number in numbers.items()}
                return {"Attributes": {"QueueArn": arn, **counted}}
        raise ApiError("QueueDoesNotExist", "The specified queue does not exist.")

    def SendMessage(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A standard queue takes every message as a new one (API reference, SendMessage)."""
        made = Message(self.cloud.uuid(), p["MessageBody"], self.cloud.clock.now())
        self._messages(p).append(made)
        digest = hashlib.md5(made.body.encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": made.id, "MD5OfMessageBody": digest}

    def ReceiveMessage(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Messages that nobody has in hand, with a new handle each; hidden from then on (API, ReceiveMessage)."""
        found: list[dict[str, Any]] = []
        for each in self._messages(p):
            if each.hidden_until <= self.cloud.clock.seconds and len(found) < p["MaxNumberOfMessages"]:
                each.receives += 1
                each.hidden_until = self.cloud.clock.seconds + p["VisibilityTimeout"]
                each.handle = f"{each.id}/{each.receives}"
                digest = hashlib.md5(each.body.encode(), usedforsecurity=False).hexdigest()
                about = {"SentTimestamp": str(int(each.sent.timestamp() * 1000)),
                         "ApproximateReceiveCount": str(each.receives)}  # fmt: skip
                found.append({"MessageId": each.id, "ReceiptHandle": each.handle, "Body": each.body,
                              "MD5OfBody": digest, "Attributes": about})  # fmt: skip
        return {"Messages": found} if found else {}

    def DeleteMessage(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """By the handle of the last receipt; one that is gone is no error (API reference, DeleteMessage)."""
        there = self._messages(p)
        there[:] = [each for each in there if each.handle != p["ReceiptHandle"]]
        return {}

    def ChangeMessageVisibilityBatch(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """An entry whose message is gone fails by itself (API reference, ChangeMessageVisibilityBatch)."""
        there = {each.handle: each for each in self._messages(p)}
        failed = []
        for each in p["Entries"]:
            if each["ReceiptHandle"] in there:
                there[each["ReceiptHandle"]].hidden_until = self.cloud.clock.seconds + each["VisibilityTimeout"]
            else:
                failed.append({"Id": each["Id"], "SenderFault": True, "Code": "InvalidParameterValue"})
        gone = {each["Id"] for each in failed}
        return {"Successful": [{"Id": each["Id"]} for each in p["Entries"] if each["Id"] not in gone], "Failed": failed}

    def StartMessageMoveTask(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Moves all messages of a dead-letter queue, here at once (API reference, StartMessageMoveTask)."""
        source, target = (self._url(p[each]) for each in ("SourceArn", "DestinationArn"))
        there = self._messages({"QueueUrl": source})
        moved, there[:] = list(there), []
        self._messages({"QueueUrl": target}).extend(moved)
        row = {
            "Status": "COMPLETED", "SourceArn": p["SourceArn"], "DestinationArn": p["DestinationArn"],
            "ApproximateNumberOfMessagesMoved": len(moved), "ApproximateNumberOfMessagesToMove": len(moved),
            "StartedTimestamp": int(self.cloud.clock.now().timestamp() * 1000),
        }  # fmt: skip
        self.cloud.moves.insert(0, row)
        return {"TaskHandle": self.cloud.uuid()}

    def ListMessageMoveTasks(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The last ten of a source; only one that runs has a handle (API reference, ListMessageMoveTasks)."""
        return {"Results": [each for each in self.cloud.moves if each["SourceArn"] == p["SourceArn"]][:10]}

    def _url(self, arn: str) -> str:
        for each in resources(self.cloud, self.account, self.region, "AWS::SQS::Queue"):
            if each.physical_id.rpartition("/")[2] == arn.rpartition(":")[2]:
                return str(each.physical_id)
        raise ApiError("ResourceNotFoundException", "The resource that you specified for the SourceArn doesn't exist.")

    def _messages(self, p: Params) -> list[Message]:
        self.GetQueueAttributes(p)  # the queue is there
        return self.cloud.messages.setdefault(p["QueueUrl"], [])
