// Turns an effect into the handler of a Lambda function that reads SQS. The queue delivers at least once and in batches;
// the effect of each event happens once, and what fails comes back alone.
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { z } from 'zod';
import type { Database, Queries } from './database.ts';
import { withoutCredentials, type Log } from './log.ts';
import { parseTraceparent } from './trace.ts';

/** Less than this is not enough for one more message: what is left goes back at once instead of after a timeout. */
const ENOUGH_MS = 5_000;
/** Longer than a message can live: 14 days in the queue and 14 in the dead-letter queue. */
const KEPT = '30 days';

export interface ConsumerOptions<M extends { eventId: string }> {
  /** Identifies this consumer in the table `processed`. It stays when the code moves. */
  name: string;
  schema: z.ZodType<M>;
  database: Database;
  log: Log;
  /** Everything that one message causes, in one transaction. */
  effect: (queries: Queries, message: M) => Promise<void>;
}

export type Handler = (event: SQSEvent, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<SQSBatchResponse>;

/** Return a handler that answers with the messages that failed. */
export function consumer<M extends { eventId: string }>(options: ConsumerOptions<M>): Handler {
  const { name, log, database } = options;
  let cleaned = false;

  return async ({ Records }, context) => {
    const failed: SQSRecord[] = [];
    for (const [index, record] of Records.entries()) {
      const rest = Records.slice(index);
      if (context.getRemainingTimeInMillis() < ENOUGH_MS) {
        log.warn({ left: rest.length }, 'time is running out: the rest of the batch goes back');
        failed.push(...rest);
        break;
      }
      if (await succeeds(options, record)) continue;
      if (isFifo(record)) {
        failed.push(...rest); // or the messages after it would overtake it
        break;
      }
      failed.push(record);
    }
    if (!cleaned && failed.length < Records.length) {
      cleaned = true; // once for each process
      await database
        .query(`delete from processed where consumer = $1 and processed_at < now() - interval '${KEPT}'`, [name])
        .catch((error: unknown) => log.warn({ error }, 'old events could not be removed'));
    }
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

async function succeeds<M extends { eventId: string }>(options: ConsumerOptions<M>, record: SQSRecord): Promise<boolean> {
  const began = performance.now();
  const log = options.log.child({
    messageId: record.messageId,
    traceId: parseTraceparent(record.messageAttributes['traceparent']?.stringValue),
  });
  try {
    const read = options.schema.safeParse(JSON.parse(record.body));
    // In words, since a person reads it in `infragen redrive --peek`; the error itself is a page of JSON.
    if (!read.success) throw new Error(`not a message of ${options.name}: ${z.prettifyError(read.error)}`);
    const message = read.data;
    const done = await once(options, message);
    log.info({ eventId: message.eventId, ms: Math.round(performance.now() - began) }, done ? 'done' : 'done already');
    return true;
  } catch (error) {
    const attempt = Number(record.attributes.ApproximateReceiveCount);
    log.error({ error, attempt, body: withoutCredentials(record.body).slice(0, 2_000) }, 'failed');
    return false;
  }
}

/** Run the effect unless it was run before; returns whether it was run now. */
function once<M extends { eventId: string }>(options: ConsumerOptions<M>, message: M): Promise<boolean> {
  return options.database.transaction(async (queries) => {
    const { rowCount } = await queries.query(
      'insert into processed (consumer, event_id) values ($1, $2) on conflict do nothing',
      [options.name, message.eventId],
    );
    if (rowCount === 0) return false;
    await options.effect(queries, message);
    return true;
  });
}

function isFifo(record: SQSRecord): boolean {
  return record.eventSourceARN.endsWith('.fifo');
}
