// The running system from outside: BASE_URL names it. SMOKE=read writes nothing, for production.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const base = process.env['BASE_URL']?.replace(/\/$/, '');
if (!base) throw new Error('BASE_URL is not set: infragen dev --exec -- npm run test:e2e');
const mayWrite = process.env['SMOKE'] !== 'read';

test('it is healthy', async () => {
  const response = await fetch(`${base}/health`);
  assert.deepEqual([response.status, await response.json()], [200, { ok: true }]);
});

test('it reads its database: what is not there is a problem with 404', async () => {
  const response = await fetch(`${base}/notifications/${crypto.randomUUID()}`);
  assert.equal(response.status, 404);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.equal(((await response.json()) as { requestId: string }).requestId, response.headers.get('x-request-id'));
});

test('a notification goes through API, queue and worker, once', { skip: mayWrite ? false : 'SMOKE=read' }, async () => {
  const response = await fetch(`${base}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ recipient: 'e2e@example.com', body: 'hello' }),
  });
  assert.equal(response.status, 202);
  const location = response.headers.get('location');
  const end = Date.now() + 60_000;
  for (;;) {
    const found = (await (await fetch(base + location)).json()) as { state: string; deliveries: number };
    if (found.state === 'sent') {
      assert.equal(found.deliveries, 1);
      return;
    }
    assert.ok(Date.now() < end, `${location} is still ${found.state} after a minute`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});
