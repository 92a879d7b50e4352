import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/platform/config.ts';
import { openDatabase, type Queries } from '../../src/platform/database.ts';
import { databaseAt, refusingDatabase, schema, testLog } from './setup.ts';

const url = await schema();
const other = databaseAt(url);

async function backend(queries: Queries): Promise<number> {
  const { rows } = await queries.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

/** End a connection as the server does, by the login itself: the role that it acts as may not. */
async function end(pid: number): Promise<void> {
  await other.transaction(async (queries) => {
    await queries.query('set local role none');
    await queries.query('select pg_terminate_backend($1, 5000)', [pid]);
  });
}

test('a transaction is committed when it returns and rolled back when it throws', async () => {
  const database = databaseAt(url);
  const insert = (queries: Queries, id: string) =>
    queries.query("insert into processed (consumer, event_id) values ('test', $1)", [id]);
  const ids = [crypto.randomUUID(), crypto.randomUUID()] as const;
  await database.transaction((queries) => insert(queries, ids[0]));
  await assert.rejects(
    database.transaction(async (queries) => {
      await insert(queries, ids[1]);
      throw new Error('no');
    }),
    /no/,
  );
  const { rows } = await database.query("select event_id from processed where consumer = 'test'");
  assert.deepEqual(rows, [{ event_id: ids[0] }]);
});

test('an idle connection that the server ends is replaced', async () => {
  const { log, said } = testLog();
  const database = databaseAt(url, log);
  const pid = await backend(database);
  await end(pid);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.notEqual(await backend(database), pid);
  assert.ok(said().some(({ message }) => message === 'an idle connection ended'));
});

test('a read whose connection is lost is repeated once, and nothing else is', async () => {
  const database = databaseAt(url);
  const pid = await backend(database);
  const read = database.read('select pg_sleep(0.5), pg_backend_pid() as pid');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await end(pid);
  const { rows } = await read;
  assert.notEqual(rows[0]?.['pid'], pid);

  const writer = await backend(database);
  const write = database.query('select pg_sleep(0.5)');
  const failed = assert.rejects(write, { code: '57P01' });
  await new Promise((resolve) => setTimeout(resolve, 150));
  await end(writer);
  await failed;
  assert.equal((await database.query('select 1 as one')).rows[0]?.['one'], 1);
});

test('a worker reads the secret again, once, when its password is refused', async () => {
  const refusing = await refusingDatabase();
  const asked: boolean[] = [];
  const { log } = testLog();
  const database = openDatabase({
    url: async (again) => {
      asked.push(again);
      return new Secret(again ? url : refusing);
    },
    max: 2,
    applicationName: 'test',
    log,
  });
  const answers = await Promise.all([1, 2, 3].map((value) => database.query('select $1::int as value', [value])));
  assert.deepEqual(answers.map(({ rows }) => rows[0]?.['value']), [1, 2, 3]);
  assert.deepEqual(asked, [false, true]);
  await database.end();
});

test('a worker whose new password is refused too fails, and asks again with the next message', async () => {
  const refusing = await refusingDatabase();
  const asked: boolean[] = [];
  const database = openDatabase({
    url: async (again) => {
      asked.push(again);
      return new Secret(asked.length < 3 ? refusing : url);
    },
    max: 2,
    applicationName: 'test',
    log: testLog().log,
  });
  await assert.rejects(database.query('select 1'), { code: '28P01' });
  assert.deepEqual(asked, [false, true]);
  assert.equal((await database.query('select 1 as one')).rows[0]?.['one'], 1);
  assert.deepEqual(asked, [false, true, true]);
  await database.end();
});

test('the API is told when its credentials were rotated away', async () => {
  const refusing = await refusingDatabase();
  let told = 0;
  const database = openDatabase({
    url: async () => new Secret(refusing),
    max: 2,
    applicationName: 'test',
    log: testLog().log,
    onRotatedAway: () => (told += 1),
  });
  await assert.rejects(database.query('select 1'), { code: '28P01' });
  assert.equal(told, 1);
});
