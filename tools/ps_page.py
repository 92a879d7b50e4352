"""docs/ps.md: what each line of the screen means, its calls, and the JSON document. `make docs` writes it."""

import sys
from collections.abc import Iterator

from infragen.report.keys import Key
from infragen.report.ps_document import SNAPSHOT

_HEAD = """\
# ps: an environment on one screen

<!-- Made by `make docs` from `src/infragen/report/ps_document.py`; edit `tools/ps_page.py` instead. -->

`infragen ps --env prod` shows how an environment does and what to type next. It changes nothing.

```
shop-prod  eu-central-1  UPDATE_COMPLETE  deployed 2 h ago from commit 4f2c1ab90d33
api            3 of 3 running, 3 healthy  rollout COMPLETED
               image v42 (sha256:77aa11bb22cc)
               cpu 41 %  memory 63 %  1,203 requests in 5 min, 12 with 5xx
               last stopped 14 min ago: exit code 137, OutOfMemoryError (9c1f22aa)
notifications  source Enabled  12 waiting, 3 in flight, oldest 8 s  2 dead letters
               40 calls, 0 failed, 0 throttled in 5 min
database       2.5 of 8 ACU  31 of 1,669 connections
               credentials rotated 3 d ago, next in 27 d
alarms         NotificationsDeadLetterAlarm (queue) since 11:48 UTC, 14 min ago
next           api: a task failed
                 infragen logs --env prod api --task 9c1f22aa --since 1h
               notifications: 2 dead letters
                 infragen redrive --env prod notifications --peek
               alarms: 1 alarm is raised
                 infragen docs on-call
```

`?` is what could not be read, `-` is what CloudWatch has no value of. `--watch` looks again every five seconds, until
Ctrl-C. `--fail-on-trouble` exits with 1 when something is wrong or a part could not be read. `--open` also opens the
API's URL and the dashboard in a browser. With `--local` it shows the emulator's environment, which measures neither
CPU and memory nor a database's capacity.

## What each line means

| Line | It shows | It is trouble when |
|---|---|---|
| first | the root stack, when its last operation started, and the commit it was deployed from | the stack failed or was rolled back |
| `stacks` | with a stack for each layer: each of them; else those nested ones that are not complete | as above |
| a service | tasks, those whose health check passes, the rollout, the image that runs with its digest | fewer tasks run than are wanted and no rollout is under way, the rollout failed, or a task is unhealthy |
| `cpu` | CPU and memory of its tasks, requests at the API's load balancer and 5xx answers | an alarm says so |
| `last stopped` | the task that stopped last, within the hour for which ECS remembers it | it runs what the service runs now and stopped by a fault: not for another number of tasks, a deployment, Spot or a request |
| a worker | its event source, its queue, dead letters; calls of five minutes | the source is off although code is deployed, more than 5 % of calls or messages failed, calls were throttled, the queue is beyond its alarms' thresholds, or dead letters lie there |
| a queue | the same of a queue without a worker | the same |
| `database` | the writer's capacity and connections with their limits, the credentials' rotation | it is at its largest capacity, connections are beyond their alarm, or the rotation is off, not over after 25 minutes or a day late |
| `alarms` | alarms that are raised, by their names in the template ([on call](on-call.md)) | there is one |
| `not read` | each part that could not be read, with the permission that was denied | `--fail-on-trouble` counts it as trouble |
| `next` | what is wrong or under way, and below it the command that helps | |

ECS services, queues, event sources and Aurora clusters of a [layer of your own](adding-a-layer.md) have their lines,
named LAYER/LogicalId.

## Calls

One look makes twelve calls with an API, a worker, a queue and a database, in either topology:

| Call | Permission | More of them |
|---|---|---|
| STS GetCallerIdentity | none | |
| CloudFormation DescribeStacks | `cloudformation:DescribeStacks`, `cloudformation:ListStacks` | one for each hundred stacks of the region |
| CloudFormation DescribeChangeSet | `cloudformation:DescribeChangeSet` | |
| ECS DescribeServices | `ecs:DescribeServices` | one for ten services of a cluster |
| ECS ListTasks, twice | `ecs:ListTasks` | one for each hundred tasks that run, and that stopped within the hour |
| ECS DescribeTasks | `ecs:DescribeTasks` | one for each hundred tasks |
| Lambda ListEventSourceMappings | `lambda:ListEventSourceMappings` | one for each hundred of the region, until the workers' own were seen |
| CloudWatch GetMetricData | `cloudwatch:GetMetricData` | one for 500 metrics; a worker with its queue has eight |
| CloudWatch DescribeAlarms | `cloudwatch:DescribeAlarms` | one for each hundred that are raised |
| Secrets Manager DescribeSecret | `secretsmanager:DescribeSecret` | |
| SQS GetQueueAttributes | `sqs:GetQueueAttributes` | one for each dead-letter queue |
| CloudFormation ListStackResources | `cloudformation:ListStackResources` | one for each stack with resources of your own that are shown |

Dead letters are counted at the moment. The other numbers of queues are CloudWatch's and one or two minutes old: all
metrics take one call, however many queues there are. CloudWatch charges for each metric that is requested, so that
`--watch` costs about 0.12 USD an hour for such an environment (16 metrics a look, 0.01 USD for 1,000; Amazon CloudWatch
pricing, us-east-1, read 2026-11-29).

## JSON

`--format json` prints one document. `infragen schema ps` prints its JSON Schema.
"""


def ps_page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_table("The document", SNAPSHOT)]) + "\n"


def _table(title: str, keys: tuple[Key, ...]) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| Key | Type | Meaning |"
    yield "|---|---|---|"
    for each in keys:
        kind = {"array": "list of object"}.get(each.type, each.type)
        yield f"| `{each.name}` | {kind}{' or null' if each.null else ''} | {each.meaning} |"
    yield ""
    for each in keys:
        if each.rows:
            yield from _table(f"`{each.name}`", each.rows)


if __name__ == "__main__":
    sys.stdout.write(ps_page().rstrip("\n") + "\n")
