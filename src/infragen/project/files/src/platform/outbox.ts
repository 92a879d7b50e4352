// Messages are rows first: written in the transaction of what they are about, sent after it is committed, deleted once
// SQS has them. So a message is sent if and only if its transaction was committed, also when this process is killed in
// between; it may then be sent twice, which the worker's table `processed` makes harmless.
//
// Rows are looked for when this process starts, when it has written one, and after a failure with growing pauses. Never
// otherwise: a cluster that may pause (`min_acu: 0`) is left alone when there is nothing to send.
import type { Database, Queries } from './database.ts';
import type { Log } from './log.ts';
import type { OutgoingMessage, Queue } from './queue.ts';

const ROWS = 100;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

export interface Outbox {
  /** Write a message in the caller's transaction; call `send` once it is committed. */
  add(queries: Queries, message: OutgoingMessage): Promise<void>;
  /** Send what is there, in the background, until nothing is left. */
  send(): void;
  /** Send what is left, once more where it fails, and end. What then remains is sent by the task that starts next. */
  close(): Promise<void>;
}

/** Return the outbox of a database for one queue. */
export function openOutbox(database: Database, queue: Queue, log: Log): Outbox {
  let running: Promise<void> | undefined;
  let again = false;
  let closing = false;
  let wake: (() => void) | undefined;
  // Another task may be sending the first rows. Where order counts this one waits for it, else it takes the next rows.
  const locked = queue.isFifo ? 'for update' : 'for update skip locked';

  /** Send up to ROWS messages; returns whether more may be left. */
  function round(): Promise<boolean> {
    return database.transaction(async (queries) => {
      const { rows } = await queries.query<OutboxRow>(
        `select event_id, message_group, body, traceparent from outbox order by position limit $1 ${locked}`,
        [ROWS],
      );
      if (rows.length === 0) return false;
      const taken = await queue.send(rows.map(message));
      await queries.query('delete from outbox where event_id = any($1)', [[...taken]]);
      if (taken.size === 0) throw new Error('SQS took none of the messages');
      return taken.size < rows.length || rows.length === ROWS;
    });
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function work(): Promise<void> {
    let milliseconds = FIRST_PAUSE_MS;
    while (again) {
      again = false;
      try {
        if (await round()) again = true;
        milliseconds = FIRST_PAUSE_MS;
      } catch (error) {
        log.error({ error, nextTryInMs: milliseconds }, 'messages could not be sent');
        if (closing) break;
        again = true;
        await pause(milliseconds);
        milliseconds = Math.min(milliseconds * 2, LONGEST_PAUSE_MS);
      }
    }
    running = undefined; // in the same turn as the last look at `again`, so that no call of `send` is lost
  }

  return {
    async add(queries, { eventId, group, body, traceparent }) {
      await queries.query('insert into outbox (event_id, message_group, body, traceparent) values ($1, $2, $3, $4)', [
        eventId,
        group,
        body,
        traceparent ?? null,
      ]);
    },
    send() {
      again = true;
      if (!closing) running ??= work();
    },
    async close() {
      closing = true;
      wake?.();
      await running;
    },
  };
}

type OutboxRow = { event_id: string; message_group: string; body: string; traceparent: string | null };

function message(row: OutboxRow): OutgoingMessage {
  return { eventId: row.event_id, group: row.message_group, body: row.body, traceparent: row.traceparent ?? undefined };
}
