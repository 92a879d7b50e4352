// The messages of this application. A message outlives the code that wrote it: it may wait in a queue over a deployment
// and in a dead-letter queue for days. Add optional fields; for anything else raise `version` and let the worker accept
// both until the last old message is gone.
import { z } from 'zod';

export const notificationQueued = z.object({
  type: z.literal('notification.queued'),
  version: z.literal(1),
  /** Identifies the event itself. SQS's own message id changes when a message is sent again. */
  eventId: z.uuid(),
  notificationId: z.uuid(),
});

export type NotificationQueued = z.output<typeof notificationQueued>;
