import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { ConfigError } from '../../src/platform/config.ts';
import { withSecrets } from '../../src/platform/parameters.ts';

/** Return a Parameter Store with these values, and what it was asked for. */
function store(values: Record<string, string>): { client: SSMClient; asked: string[][] } {
  const asked: string[][] = [];
  const send = async (command: GetParametersCommand) => {
    const names = command.input.Names ?? [];
    asked.push(names);
    assert.equal(command.input.WithDecryption, true);
    return { Parameters: names.filter((Name) => Name in values).map((Name) => ({ Name, Value: values[Name] })) };
  };
  return { client: { send } as unknown as SSMClient, asked };
}

test('without the variable nothing is asked', async () => {
  const { client, asked } = store({});
  const environment = { A: '1' };
  assert.equal(await withSecrets(environment, client), environment);
  assert.deepEqual(asked, []);
});

test('each name gets the value of its parameter, and process.env does not', async () => {
  const { client, asked } = store({ '/shop/dev/A': 'one', '/shop/dev/B': 'two=2' });
  const environment = { SECRET_PARAMETERS: 'A=/shop/dev/A B=/shop/dev/B', C: '3' };
  const found = await withSecrets(environment, client);
  assert.deepEqual([found['A'], found['B'], found['C']], ['one', 'two=2', '3']);
  assert.deepEqual(asked, [['/shop/dev/A', '/shop/dev/B']]);
  assert.equal('A' in environment, false);
});

test('a variable that is set already is not asked for', async () => {
  const { client, asked } = store({});
  const found = await withSecrets({ SECRET_PARAMETERS: 'A=/shop/dev/A', A: 'given' }, client);
  assert.equal(found['A'], 'given');
  assert.deepEqual(asked, []);
});

test('more than ten are asked for in parts', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `K${index}`);
  const { client, asked } = store(Object.fromEntries(names.map((name) => [`/p/${name}`, name])));
  const found = await withSecrets({ SECRET_PARAMETERS: names.map((name) => `${name}=/p/${name}`).join(' ') }, client);
  assert.deepEqual(names.map((name) => found[name]), names);
  assert.deepEqual(asked.map((each) => each.length), [10, 2]);
});

test('one that is missing is named, without a value', async () => {
  const { client } = store({ '/p/A': 'canary' });
  await assert.rejects(withSecrets({ SECRET_PARAMETERS: 'A=/p/A B=/p/B' }, client), (error: Error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /there is no parameter for B$/);
    return true;
  });
});
