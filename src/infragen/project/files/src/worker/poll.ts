// Runs a worker where there is no Lambda: node src/worker/poll.ts notifications. It does what Lambda's event source does:
// receives a batch, calls the handler, deletes what succeeded, and leaves the rest to the queue.
import { DeleteMessageBatchCommand, GetQueueAttributesCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { loadConfig, pollVariables } from '../platform/config.ts';
import type { Handler } from '../platform/consumer.ts';
import { openLog } from '../platform/log.ts';
import { openSqs } from '../platform/queue.ts';

const BATCH = 10;
const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9-]*$/.test(name) || name === 'poll') {
  process.stderr.write('usage: node src/worker/poll.ts WORKER, for example notifications\n');
  process.exit(2);
}
const config = loadConfig(pollVariables);
const log = openLog({ service: name, level: config.LOG_LEVEL, deployment: config.DEPLOYMENT });
const { handler } = (await import(`./${name}.ts`)) as { handler: Handler };
const sqs = openSqs();
const QueueUrl = config.QUEUE_URL;
const attributes = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'VisibilityTimeout'] }));
const queueArn = attributes.Attributes?.['QueueArn'] ?? '';
const visibilityMs = Number(attributes.Attributes?.['VisibilityTimeout'] ?? 30) * 1_000;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
log.info({ queueArn }, 'polling');
while (!stop.signal.aborted) {
  try {
    await poll();
  } catch (error) {
    if (stop.signal.aborted) break;
    log.error({ error }, 'polling failed');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
log.info('ended');
process.exit(0);

async function poll(): Promise<void> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: BATCH,
      WaitTimeSeconds: 5, // less than the client's request timeout
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
    { abortSignal: stop.signal },
  );
  if (Messages.length === 0) return;
  const deadline = Date.now() + visibilityMs;
  const { batchItemFailures } = await handler(
    { Records: Messages.map(record) },
    { getRemainingTimeInMillis: () => deadline - Date.now() },
  );
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const done = Messages.filter(({ MessageId }) => !failed.has(MessageId ?? ''));
  if (done.length === 0) return;
  const Entries = done.map(({ MessageId, ReceiptHandle }) => ({ Id: MessageId, ReceiptHandle }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
}

/** Return a received message as Lambda gives it to a function. */
function record(message: Message): SQSRecord {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {}, MessageAttributes = {}, MD5OfBody = '' } = message;
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([key, { StringValue, DataType }]) => [
        key,
        { ...(StringValue === undefined ? {} : { stringValue: StringValue }), dataType: DataType ?? 'String' },
      ]),
    ),
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}
