import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { CreateSecretCommand, DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { databaseAt, freePort, queueUrl, refusingDatabase, ROOT, type Running, schema, start, unique, until } from './setup.ts';

type Api = Running & { url: string };

async function api(variables: Record<string, string>): Promise<Api> {
  const port = await freePort();
  const running = start('src/api/main.ts', { PORT: String(port), DEPLOYMENT: 'test', ...variables });
  await until(() => running.text().includes('"listening"') || running.child.exitCode !== null, 'the start of the API');
  return { ...running, url: `http://127.0.0.1:${port}` };
}

/** Post a notification and return its id. */
async function post({ url }: Api): Promise<string> {
  const response = await fetch(`${url}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${'cd'.repeat(16)}-00f067aa0ba902b7-01` },
    body: JSON.stringify({ recipient: 'you', body: 'hello' }),
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { id: string }).id;
}

/** Start the worker as `poll.ts` runs it, with a secret of its own. */
async function worker(url: string, QUEUE_URL: string): Promise<Running> {
  const manager = new SecretsManagerClient({});
  const { ARN = '' } = await manager.send(new CreateSecretCommand({ Name: unique('test'), SecretString: JSON.stringify({ url }) }));
  after(() => manager.send(new DeleteSecretCommand({ SecretId: ARN, ForceDeleteWithoutRecovery: true })));
  return start('src/worker/poll.ts', { DATABASE_SECRET_ARN: ARN, QUEUE_URL, DEPLOYMENT: 'test' }, 'notifications');
}

test('a program whose variables are missing ends with 2 and one line that names them all', async () => {
  const { text, ended } = start('src/api/main.ts', {});
  assert.equal(await ended, 2);
  assert.deepEqual(JSON.parse(text()), {
    level: 'error',
    message: 'environment variables missing: DEPLOYMENT, PORT, DATABASE_URL, QUEUE_URL',
  });
});

test('API and worker: a request is followed by its trace, and both end in order on SIGTERM', async () => {
  const [DATABASE_URL, QUEUE_URL] = [await schema(), await queueUrl()];
  const running = await api({ DATABASE_URL, QUEUE_URL });
  const id = await post(running);
  const polling = await worker(DATABASE_URL, QUEUE_URL);
  await until(async () => ((await (await fetch(`${running.url}/notifications/${id}`)).json()) as { state: string }).state === 'sent', 'the delivery');
  for (const { text } of [running, polling]) assert.match(text(), new RegExp(`"traceId":"${'cd'.repeat(16)}"`));
  running.child.kill('SIGTERM');
  polling.child.kill('SIGTERM');
  await until(() => running.text().includes('"ending'), 'the signal');
  assert.equal((await fetch(`${running.url}/health`)).status, 200);
  assert.deepEqual([await running.ended, await polling.ended], [0, 0]);
  assert.match(running.text(), /"ended"/);
});

test('a second signal ends the API at once', async () => {
  const running = await api({ DATABASE_URL: await schema(), QUEUE_URL: await queueUrl() });
  running.child.kill('SIGTERM');
  await until(() => running.text().includes('"ending'), 'the first signal');
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 1);
});

test('a message of a task that is killed between commit and send is sent by the next, and its effect happens once', async () => {
  const [DATABASE_URL, QUEUE_URL] = [await schema(), await queueUrl()];
  const silent = createServer(() => undefined).listen(0, '127.0.0.1'); // an SQS that never answers
  after(() => (silent.closeAllConnections(), silent.close()));
  await once(silent, 'listening');
  const asked = once(silent, 'request');
  const nowhere = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/111122223333/notifications`;
  const first = await api({ DATABASE_URL, QUEUE_URL: nowhere });
  const id = await post(first);
  await asked;
  first.child.kill('SIGKILL');
  assert.equal(await first.ended, 'SIGKILL');
  const database = databaseAt(DATABASE_URL);
  assert.equal((await database.query('select from outbox')).rows.length, 1);

  await api({ DATABASE_URL, QUEUE_URL });
  await worker(DATABASE_URL, QUEUE_URL);
  const found = () => database.query<{ state: string; deliveries: number }>('select state, deliveries from notifications where id = $1', [id]);
  await until(async () => (await found()).rows[0]?.state === 'sent', 'the delivery');
  assert.deepEqual((await found()).rows, [{ state: 'sent', deliveries: 1 }]);
  assert.equal((await database.query('select from outbox')).rows.length, 0);
});

test('an API whose credentials were rotated away answers health, says so and ends with 1', async () => {
  const running = await api({ DATABASE_URL: await refusingDatabase(), QUEUE_URL: await queueUrl() });
  await until(() => running.text().includes('credentials were rotated away'), 'the line in the log');
  assert.equal((await fetch(`${running.url}/health`)).status, 200);
  assert.equal(await running.ended, 1);
  assert.ok(!running.text().includes('hunter2'), running.text());
});

test('a worker that is not there is a usage error', async () => {
  for (const name of ['poll', '../release', '']) {
    const { text, ended } = start('src/worker/poll.ts', {}, name);
    assert.equal(await ended, 2);
    assert.match(text(), /^usage: /);
  }
});

test('with a collector, a request is one trace through HTTP, routes and PostgreSQL', async () => {
  const bodies: Buffer[] = [];
  const collector = createServer(async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()));
    response.end();
  }).listen(0, '127.0.0.1');
  after(() => collector.close());
  await once(collector, 'listening');
  const running = await api({
    DATABASE_URL: await schema(),
    QUEUE_URL: await queueUrl(),
    NODE_OPTIONS: `--import ${ROOT}src/platform/telemetry.ts`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_SERVICE_NAME: 'shop-api',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  });
  await fetch(`${running.url}/health`);
  await post(running);
  const all = () => Buffer.concat(bodies).toString('latin1');
  await until(() => all().includes('/notifications') && all().includes('pg.query:INSERT'), 'the spans');
  assert.ok(all().includes('shop-api') && all().includes(Buffer.from('cd'.repeat(16), 'hex').toString('latin1')));
  assert.ok(!all().includes('/health'));
  assert.match(running.text(), new RegExp(`"traceId":"${'cd'.repeat(16)}"`));
});
