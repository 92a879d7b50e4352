import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { apiVariables, ConfigError, parse, Secret } from '../../src/platform/config.ts';

const complete = {
  DEPLOYMENT: 'dev',
  PORT: '3000',
  DATABASE_URL: 'postgresql://app_a:hunter2@db/app',
  QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/111122223333/notifications',
};

test('variables become typed values, with defaults', () => {
  const config = parse(apiVariables, complete);
  assert.equal(config.PORT, 3000);
  assert.equal(config.DATABASE_POOL_MAX, 5);
  assert.equal(config.LOG_LEVEL, 'info');
  assert.equal(config.DATABASE_URL.reveal(), complete.DATABASE_URL);
});

test('all variables that are missing or wrong are named at once, and no value is', () => {
  assert.throws(
    () => parse(apiVariables, { PORT: 'hunter2', LOG_LEVEL: 'loud', DEPLOYMENT: 'dev' }),
    (error) =>
      error instanceof ConfigError &&
      error.message === 'environment variables missing: DATABASE_URL, QUEUE_URL; not valid: LOG_LEVEL, PORT',
  );
});

test('a secret is printed by nothing', () => {
  const secret = new Secret('hunter2');
  const printed = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true }), String(secret)];
  assert.ok(printed.every((text) => !text.includes('hunter2') && text.includes('[secret]')), printed.join('\n'));
});
