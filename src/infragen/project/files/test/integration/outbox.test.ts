import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openOutbox } from '../../src/platform/outbox.ts';
import { openQueue, type OutgoingMessage, type Queue } from '../../src/platform/queue.ts';
import { traceparent } from '../../src/platform/trace.ts';
import { databaseAt, queueUrl, received, schema, testLog, until } from './setup.ts';

function message(body: string, group = 'g'): OutgoingMessage {
  return { eventId: randomUUID(), group, body, traceparent: traceparent('ab'.repeat(16)) };
}

async function setup(queue: Queue) {
  const { log, said } = testLog();
  const database = databaseAt(await schema(), log);
  const outbox = openOutbox(database, queue, log);
  const rows = async () => Number((await database.query('select count(*) from outbox')).rows[0]?.['count']);
  return { database, outbox, rows, said, log };
}

test('a message is sent after its transaction is committed, with its trace, and its row goes', async () => {
  const url = await queueUrl();
  const { database, outbox, rows } = await setup(openQueue(url));
  const sent = message('{"a": 1}');
  await database.transaction(async (queries) => {
    await outbox.add(queries, sent);
    outbox.send(); // too early: it does not see the row
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await rows(), 0);
  });
  outbox.send();
  const [found] = await received(url, 1);
  assert.deepEqual([found?.Body, found?.MessageAttributes?.['traceparent']?.StringValue], [sent.body, sent.traceparent]);
  await until(async () => (await rows()) === 0, 'the end of the row');
  await outbox.close();
});

test('a message whose transaction is rolled back is never sent', async () => {
  const sent: string[] = [];
  const { database, outbox } = await setup({ isFifo: false, send: async (all) => new Set(all.map(({ eventId, body }) => (sent.push(body), eventId))) });
  await assert.rejects(
    database.transaction(async (queries) => {
      await outbox.add(queries, message('no'));
      throw new Error('no');
    }),
  );
  await database.transaction((queries) => outbox.add(queries, message('yes')));
  outbox.send();
  await outbox.close();
  assert.deepEqual(sent, ['yes']);
});

test('what SQS does not take is tried again, also after an error', async () => {
  const sent: string[] = [];
  let calls = 0;
  const { database, outbox, rows, said } = await setup({
    isFifo: false,
    send: async (all) => {
      calls += 1;
      if (calls === 1) throw new Error('no network');
      const taken = calls === 2 ? all.slice(0, 1) : all;
      return new Set(taken.map(({ eventId, body }) => (sent.push(body), eventId)));
    },
  });
  await database.transaction(async (queries) => {
    for (const body of ['a', 'b']) await outbox.add(queries, message(body));
  });
  outbox.send();
  await until(() => sent.length === 2, 'both messages');
  await outbox.close();
  assert.deepEqual([sent, calls, await rows()], [['a', 'b'], 3, 0]);
  assert.ok(said().some(({ level, message }) => level === 'error' && message === 'messages could not be sent'));
});

test('several tasks send many messages, each once', async () => {
  const sent: string[] = [];
  const queue: Queue = {
    isFifo: false,
    send: async (all) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new Set(all.map(({ eventId, body }) => (sent.push(body), eventId)));
    },
  };
  const { database, outbox, rows, log } = await setup(queue);
  const bodies = Array.from({ length: 250 }, (_, index) => String(index));
  await database.transaction(async (queries) => {
    for (const body of bodies) await outbox.add(queries, message(body));
  });
  const others = [openOutbox(database, queue, log), openOutbox(database, queue, log)];
  for (const each of [outbox, ...others]) each.send();
  await until(async () => (await rows()) === 0, 'all messages');
  await Promise.all([outbox, ...others].map((each) => each.close()));
  assert.deepEqual(sent.map(Number).sort((a, b) => a - b), bodies.map(Number));
});

test('a FIFO queue gets the messages of a group in their order', async () => {
  const url = await queueUrl({ fifo: true });
  const { database, outbox } = await setup(openQueue(url));
  await database.transaction(async (queries) => {
    for (const body of ['a', 'b', 'c']) await outbox.add(queries, message(body));
  });
  outbox.send();
  await outbox.close();
  assert.deepEqual((await received(url, 3)).map(({ Body }) => Body), ['a', 'b', 'c']);
});
