import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { SQSRecord } from 'aws-lambda';
import { notificationQueued } from '../../src/domain/messages.ts';
import { deliverNotification, findNotification, queueNotification } from '../../src/domain/notifications.ts';
import { consumer } from '../../src/platform/consumer.ts';
import { databaseAt, schema, testLog } from './setup.ts';

const { log } = testLog();
const database = databaseAt(await schema(), log);
const handle = consumer({ name: 'notifications', schema: notificationQueued, database, log, effect: deliverNotification });
const context = { getRemainingTimeInMillis: () => 60_000 };

function record(body: unknown): SQSRecord {
  return {
    messageId: randomUUID(),
    body: JSON.stringify(body),
    eventSourceARN: 'arn:aws:sqs:eu-central-1:111122223333:notifications',
    attributes: { ApproximateReceiveCount: '1' },
    messageAttributes: {},
  } as unknown as SQSRecord;
}

test('an event that comes five times at the same time is delivered once', async () => {
  const { id, message } = await database.transaction((queries) => queueNotification(queries, { recipient: 'you', body: 'hello' }));
  const answers = await Promise.all(Array.from({ length: 5 }, () => handle({ Records: [record(message)] }, context)));
  assert.ok(answers.every(({ batchItemFailures }) => batchItemFailures.length === 0));
  const found = await findNotification(database.query, id);
  assert.deepEqual([found?.state, found?.deliveries], ['sent', 1]);
});

test('an effect that fails leaves no trace, so that the message can come again', async () => {
  const message = { type: 'notification.queued', version: 1, eventId: randomUUID(), notificationId: randomUUID() };
  const answer = await handle({ Records: [record(message)] }, context);
  assert.equal(answer.batchItemFailures.length, 1);
  const { rows } = await database.query('select from processed where event_id = $1', [message.eventId]);
  assert.equal(rows.length, 0);
});

test('events older than any message can be are forgotten', async () => {
  const old = randomUUID();
  await database.query("insert into processed values ('notifications', $1, now() - interval '31 days')", [old]);
  const fresh = consumer({ name: 'notifications', schema: notificationQueued, database, log, effect: deliverNotification });
  const { message } = await database.transaction((queries) => queueNotification(queries, { recipient: 'you', body: 'hello' }));
  await fresh({ Records: [record(message)] }, context);
  const { rows } = await database.query('select event_id from processed where event_id in ($1, $2)', [old, message.eventId]);
  assert.deepEqual(rows, [{ event_id: message.eventId }]);
});
