import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openLog } from '../../src/platform/log.ts';
import { prepareShutdown } from '../../src/platform/shutdown.ts';
import { lines } from './lines.ts';

async function setup(answer: RequestListener, times: { graceMs: number; requestsMs: number }) {
  const order: string[] = [];
  const server = createServer(answer).listen(0, '127.0.0.1');
  server.on('close', () => order.push('server'));
  await once(server, 'listening');
  const ended = Promise.withResolvers<number>();
  const shutdown = prepareShutdown({
    server,
    log: openLog({ service: 'api', level: 'info', deployment: 'dev' }, lines().destination),
    finish: [async () => void order.push('outbox'), async () => Promise.reject(new Error('no')), async () => void order.push('database')],
    exit: (code) => ended.resolve(code),
    ...times,
  });
  return { order, shutdown, ended: ended.promise, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('requests that run are answered, those that come in the grace time too, then each part ends in order', async () => {
  const slow = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const { order, shutdown, ended, url } = await setup(
    async (request, response) => {
      if (request.url === '/slow') {
        arrived.resolve();
        await slow.promise;
      }
      response.end('answered');
    },
    { graceMs: 50, requestsMs: 10_000 },
  );
  const running = fetch(`${url}/slow`);
  await arrived.promise;
  shutdown('SIGTERM', 0);
  shutdown('rotated', 1);
  const late = await fetch(`${url}/late`);
  assert.deepEqual([await late.text(), late.headers.get('connection')], ['answered', 'close']);
  assert.deepEqual(order, []);
  slow.resolve();
  assert.equal(await (await running).text(), 'answered');
  assert.equal(await ended, 0);
  assert.deepEqual(order, ['server', 'outbox', 'database']);
  await assert.rejects(fetch(url));
});

test('a request that takes too long is cut off', async () => {
  const arrived = Promise.withResolvers<void>();
  const { shutdown, ended, url } = await setup(() => arrived.resolve(), { graceMs: 0, requestsMs: 20 });
  const running = fetch(url);
  await arrived.promise;
  shutdown('rotated', 1);
  await assert.rejects(running);
  assert.equal(await ended, 1);
});
