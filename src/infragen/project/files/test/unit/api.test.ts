import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createApp } from '../../src/api/app.ts';
import type { Database } from '../../src/platform/database.ts';
import { openLog } from '../../src/platform/log.ts';
import { lines } from './lines.ts';

/** Serve the API on a database that is down. */
async function serve(context: TestContext) {
  const { text, destination } = lines();
  const down = async () => {
    throw new Error('connect postgresql://app_a:hunter2@db/app');
  };
  const database: Database = { query: down, read: down, transaction: down, end: async () => undefined };
  const outbox = { add: async () => undefined, send: () => undefined, close: async () => undefined };
  const log = openLog({ service: 'api', level: 'debug', deployment: 'dev' }, destination);
  const server = createServer(createApp({ database, outbox, log })).listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, text };
}

const json = { 'content-type': 'application/json' };

test('health is answered without the database and without a line in the log', async (context) => {
  const { url, text } = await serve(context);
  const response = await fetch(`${url}/health`);
  assert.deepEqual([response.status, await response.json(), text()], [200, { ok: true }, '']);
});

test('a request that is not valid is a problem that names each field', async (context) => {
  const { url } = await serve(context);
  const response = await fetch(`${url}/notifications`, { method: 'POST', headers: json, body: '{"recipient": ""}' });
  const problem = (await response.json()) as Record<string, unknown>;
  assert.equal(response.status, 400);
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  assert.deepEqual([problem['title'], problem['requestId']], ['Bad Request', response.headers.get('x-request-id')]);
  assert.deepEqual((problem['errors'] as { path: string }[]).map(({ path }) => path), ['recipient', 'body']);
});

for (const [what, status, body, type] of [
  ['malformed JSON', 400, '{', 'application/json'],
  ['a body beyond 100 kB', 413, JSON.stringify({ body: 'x'.repeat(102_400) }), 'application/json'],
  ['a body that is not JSON', 400, 'recipient=you', 'application/x-www-form-urlencoded'],
] as const) {
  test(`${what} is a problem with ${status}`, async (context) => {
    const { url } = await serve(context);
    const response = await fetch(`${url}/notifications`, { method: 'POST', headers: { 'content-type': type }, body });
    assert.equal(response.status, status);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  });
}

test('an error of ours says nothing but its id, and the log has the rest without secrets', async (context) => {
  const { url, text } = await serve(context);
  const traceId = 'ab'.repeat(16);
  const response = await fetch(`${url}/notifications?token=hunter2`, {
    method: 'POST',
    headers: { ...json, authorization: 'hunter2', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    body: '{"recipient": "you", "body": "hello"}',
  });
  const problem = { type: 'about:blank', title: 'Internal Server Error', status: 500, requestId: traceId };
  assert.deepEqual([response.status, await response.json()], [500, problem]);
  const said = text().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual(said.map(({ level, message, traceId }) => [level, message, traceId]), [
    ['error', 'request failed', traceId],
    ['error', 'answered', traceId],
  ]);
  assert.deepEqual(said[1].req, { method: 'POST', path: '/notifications' });
  assert.ok(!text().includes('hunter2'), text());
});

test('what is not there is a problem with 404', async (context) => {
  const { url } = await serve(context);
  for (const path of ['/nothing', '/notifications/1']) {
    const response = await fetch(url + path);
    assert.equal(response.status, 404);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  }
});

test('answers carry the headers of helmet and not the name of the framework', async (context) => {
  const { url } = await serve(context);
  const { headers } = await fetch(`${url}/health`);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('x-powered-by'), null);
});
