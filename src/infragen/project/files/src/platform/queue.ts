// Sends messages to SQS.
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';

/** A message as it is sent: JSON, and what says where it belongs. */
export interface OutgoingMessage {
  eventId: string;
  /** Messages of one group keep their order on a FIFO queue; other queues ignore it. */
  group: string;
  body: string;
  traceparent: string | undefined;
}

export interface Queue {
  /** Whether the queue keeps the order of a group. */
  readonly isFifo: boolean;
  /** Send messages in this order; returns the event ids of those that SQS has taken. */
  send(messages: readonly OutgoingMessage[]): Promise<ReadonlySet<string>>;
}

/** What SQS takes in one request: 10 messages (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html). */
const BATCH = 10;

/** Return a client that does not wait for an answer for ever. */
export function openSqs(): SQSClient {
  return new SQSClient({ requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true } });
}

/** Return the queue at `url`. On a FIFO queue sending ends at the first message that is not taken, to keep the order. */
export function openQueue(url: string, sqs: SQSClient = openSqs()): Queue {
  const isFifo = url.endsWith('.fifo');
  const size = isFifo ? 1 : BATCH;

  return {
    isFifo,
    async send(messages) {
      const taken = new Set<string>();
      for (let start = 0; start < messages.length; start += size) {
        const batch = messages.slice(start, start + size);
        const Entries = batch.map(({ eventId, group, body, traceparent }) => ({
          Id: eventId,
          MessageBody: body,
          ...(isFifo ? { MessageGroupId: group, MessageDeduplicationId: eventId } : {}),
          ...(traceparent
            ? { MessageAttributes: { traceparent: { DataType: 'String', StringValue: traceparent } } }
            : {}),
        }));
        const { Successful = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
        for (const { Id } of Successful) if (Id) taken.add(Id);
        if (isFifo && taken.size < start + batch.length) break;
      }
      return taken;
    },
  };
}
