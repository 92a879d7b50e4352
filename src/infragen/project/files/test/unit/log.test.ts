import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/platform/config.ts';
import { openLog } from '../../src/platform/log.ts';
import { lines } from './lines.ts';

function written(write: (log: ReturnType<typeof openLog>) => void): string {
  const { text, destination } = lines();
  write(openLog({ service: 'api', level: 'debug', deployment: 'dev' }, destination));
  return text();
}

test('a line is JSON with its level as a word and an RFC 3339 timestamp', () => {
  const line = JSON.parse(written((log) => log.warn({ id: 1 }, 'hello')));
  assert.deepEqual({ ...line, timestamp: 0 }, { level: 'warn', timestamp: 0, service: 'api', deployment: 'dev', id: 1, message: 'hello' });
  assert.equal(new Date(line.timestamp).toISOString(), line.timestamp);
});

test('secrets reach no line, by whatever way they come', () => {
  const url = 'postgresql://app_a:hunter2@db.internal/app';
  const error = new Error(`connect ${url}`, { cause: new Error(`also ${url}`) });
  const text = written((log) => {
    log.error({ error }, 'failed');
    log.info({ password: 'hunter2', token: 'hunter2', secret: 'hunter2', DATABASE_URL: url }, 'names');
    log.info({ headers: { authorization: 'hunter2', cookie: 'hunter2', 'set-cookie': 'hunter2' } }, 'deeper');
    log.info({ a: { b: { c: { password: 'hunter2' } } } }, 'deepest');
    log.info({ value: new Secret('hunter2') }, 'a secret');
    log.child({ config: { DATABASE_URL: url } }).info('child');
  });
  assert.equal(text.split('\n').filter(Boolean).length, 6);
  assert.ok(!text.includes('hunter2'), text);
  assert.match(text, /postgresql:\/\/\[secret\]@db\.internal\/app/);
});

test('an error has its type, message, code, stack and cause', () => {
  const error = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 'E1' });
  const { error: said } = JSON.parse(written((log) => log.error({ error }, 'failed')));
  assert.deepEqual([said.type, said.message, said.code, said.cause.message], ['RangeError', 'too far', 'E1', 'why']);
  assert.match(said.stack, /log\.test\.ts/);
});
