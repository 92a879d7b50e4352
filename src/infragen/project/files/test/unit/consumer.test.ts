import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SQSRecord } from 'aws-lambda';
import { z } from 'zod';
import { consumer } from '../../src/platform/consumer.ts';
import type { Database, Queries, Row } from '../../src/platform/database.ts';
import { openLog } from '../../src/platform/log.ts';
import { lines } from './lines.ts';

const schema = z.object({ eventId: z.string(), text: z.string() });

/** The table `processed` in memory: a transaction that throws leaves nothing behind. */
function processedEvents(): Database & { events: Set<unknown> } {
  const events = new Set<unknown>();
  const query = async <R extends Row>(text: string, values: readonly unknown[] = []) => {
    if (!text.startsWith('insert') || events.has(values[1])) return { rows: [] as R[], rowCount: 0 };
    events.add(values[1]);
    return { rows: [] as R[], rowCount: 1 };
  };
  return {
    events,
    query,
    read: query,
    async transaction<T>(work: (queries: Queries) => Promise<T>) {
      const before = [...events];
      try {
        return await work({ query });
      } catch (error) {
        events.clear();
        for (const each of before) events.add(each);
        throw error;
      }
    },
    end: async () => undefined,
  };
}

function record(messageId: string, body: unknown, queue = 'notifications'): SQSRecord {
  return {
    messageId,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    eventSourceARN: `arn:aws:sqs:eu-central-1:111122223333:${queue}`,
    attributes: { ApproximateReceiveCount: '2' },
    messageAttributes: { traceparent: { stringValue: `00-${'ab'.repeat(16)}-00f067aa0ba902b7-01`, dataType: 'String' } },
  } as unknown as SQSRecord;
}

function setup(effect: (message: z.output<typeof schema>) => void) {
  const { text, destination } = lines();
  const database = processedEvents();
  const log = openLog({ service: 'test', level: 'info', deployment: 'dev' }, destination);
  const handle = consumer({ name: 'test', schema, database, log, effect: async (_queries, message) => effect(message) });
  const said = () => text().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return { handle, database, said };
}

const enough = { getRemainingTimeInMillis: () => 60_000 };
const failedIds = (response: { batchItemFailures: { itemIdentifier: string }[] }) =>
  response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

test('the effect of an event happens once, whatever its messages are', async () => {
  const seen: string[] = [];
  const { handle, said } = setup(({ text }) => void seen.push(text));
  const event = { eventId: 'e1', text: 'hello' };
  assert.deepEqual(await handle({ Records: [record('m1', event), record('m2', event)] }, enough), { batchItemFailures: [] });
  await handle({ Records: [record('m3', event)] }, enough);
  assert.deepEqual(seen, ['hello']);
  assert.deepEqual(said().map(({ message }) => message), ['done', 'done already', 'done already']);
});

test('only messages that fail come back, and their effect may be tried again', async () => {
  let broken = true;
  const { handle, database, said } = setup(({ text }) => {
    if (text === 'bad' && broken) throw new Error('provider is down');
  });
  const records = [record('m1', { eventId: 'e1', text: 'good' }), record('m2', { eventId: 'e2', text: 'bad' }), record('m3', { eventId: 'e3', text: 'good' })];
  assert.deepEqual(failedIds(await handle({ Records: records }, enough)), ['m2']);
  assert.deepEqual([...database.events], ['e1', 'e3']);
  const failed = said().find(({ message }) => message === 'failed');
  assert.deepEqual([failed.level, failed.attempt, failed.messageId, failed.traceId], ['error', 2, 'm2', 'ab'.repeat(16)]);
  broken = false;
  assert.deepEqual(failedIds(await handle({ Records: records }, enough)), []);
});

test('what cannot be read fails alone: no JSON, another shape', async () => {
  const { handle, said } = setup(() => undefined);
  const records = [record('m1', '{'), record('m2', { eventId: 'e1' }), record('m3', { eventId: 'e1', text: '' })];
  assert.deepEqual(failedIds(await handle({ Records: records }, enough)), ['m1', 'm2']);
  assert.match(said().filter(({ message }) => message === 'failed')[1].error.message, /^not a message of .*: .*text$/s);
});

test('a FIFO queue gets back the first failure and all after it', async () => {
  const seen: string[] = [];
  const { handle } = setup(({ text }) => {
    if (text === 'bad') throw new Error('no');
    seen.push(text);
  });
  const texts = ['a', 'bad', 'c', 'd'];
  const Records = texts.map((text, index) => record(`m${index}`, { eventId: text, text }, 'orders.fifo'));
  assert.deepEqual(failedIds(await handle({ Records }, enough)), ['m1', 'm2', 'm3']);
  assert.deepEqual(seen, ['a']);
});

test('when time runs out the rest goes back untouched', async () => {
  const seen: string[] = [];
  const { handle } = setup(({ text }) => void seen.push(text));
  const times = [30_000, 4_999];
  const Records = ['a', 'b', 'c'].map((text) => record(text, { eventId: text, text }));
  assert.deepEqual(failedIds(await handle({ Records }, { getRemainingTimeInMillis: () => times.shift() ?? 0 })), ['b', 'c']);
  assert.deepEqual(seen, ['a']);
});
