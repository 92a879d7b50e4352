// What the business does. Knows its tables and messages; nothing of Express, SQS or AWS.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Queries } from '../platform/database.ts';
import type { NotificationQueued } from './messages.ts';

export const newNotification = z.object({
  recipient: z.string().trim().min(1).max(320),
  body: z.string().min(1).max(10_000),
});

export type NewNotification = z.output<typeof newNotification>;

export type Notification = {
  id: string;
  recipient: string;
  body: string;
  state: 'queued' | 'sent';
  deliveries: number;
};

/** A notification that a message names and the database does not have. */
export class UnknownNotification extends Error {
  override name = 'UnknownNotification';
}

/** Write a notification; returns its id and the message that must be sent once the transaction is committed. */
export async function queueNotification(
  queries: Queries,
  { recipient, body }: NewNotification,
): Promise<{ id: string; message: NotificationQueued }> {
  const id = randomUUID();
  await queries.query('insert into notifications (id, recipient, body) values ($1, $2, $3)', [id, recipient, body]);
  return { id, message: { type: 'notification.queued', version: 1, eventId: randomUUID(), notificationId: id } };
}

/** Return a notification, or undefined when there is none. */
export async function findNotification(
  read: Queries['query'],
  id: string,
): Promise<Notification | undefined> {
  const { rows } = await read<Notification>(
    'select id, recipient, body, state, deliveries from notifications where id = $1',
    [id],
  );
  return rows[0];
}

/**
 * Deliver a notification. Here a delivery is a row that says so, in the caller's transaction. A provider of e-mail is
 * outside of it: give it the event's id as its idempotency key, and a repeated call is its to recognise.
 */
export async function deliverNotification(queries: Queries, message: NotificationQueued): Promise<void> {
  const { rowCount } = await queries.query(
    "update notifications set state = 'sent', sent_at = now(), deliveries = deliveries + 1 where id = $1",
    [message.notificationId],
  );
  if (rowCount === 0) throw new UnknownNotification(`there is no notification ${message.notificationId}`);
}
