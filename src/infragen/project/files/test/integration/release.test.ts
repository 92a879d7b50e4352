import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import { after, test } from 'node:test';
import { Secret } from '../../src/platform/config.ts';
import { migrate } from '../../src/release.ts';
import { databaseAt, emptySchema, ROOT, start, testLog } from './setup.ts';

const { log } = testLog();

/** The project's own migrations, in the order in which they run. */
const own = (await readdir(`${ROOT}migrations`)).map((file) => parse(file).name).sort();

/** Return a copy of the migrations, with others beside them. */
async function directory(others: Record<string, string>): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'migrations-'));
  after(() => rm(copy, { recursive: true }));
  await cp(`${ROOT}migrations`, copy, { recursive: true });
  for (const [name, text] of Object.entries(others)) await writeFile(join(copy, name), text);
  return copy;
}

test('migrations are applied in order, once, and an older release finds nothing to do', async () => {
  const { url, schema } = await emptySchema();
  const options = { url: new Secret(url), log, schema };
  const newer = await directory({ '9999_note.sql': '-- Up Migration\nalter table notifications add column note text;\n' });
  assert.deepEqual(await migrate({ ...options, directory: newer }), [...own, '9999_note']);
  assert.deepEqual(await migrate({ ...options, directory: newer }), []);
  assert.deepEqual(await migrate(options), []);
});

test('a migration that fails leaves nothing of itself behind, and those before it stay', async () => {
  const { url, schema } = await emptySchema();
  const broken = await directory({ '9999_broken.sql': '-- Up Migration\ncreate table half (id int);\nselect * from nope;\n' });
  await assert.rejects(migrate({ url: new Secret(url), log, schema, directory: broken }), { code: '42P01' });
  const database = databaseAt(url, log);
  const { rows } = await database.query('select table_name from information_schema.tables where table_schema = $1', [schema]);
  const names = rows.map(({ table_name: name }) => name);
  assert.ok(names.includes('notifications') && !names.includes('half'), names.join());
});

test('a migration outside of a transaction can build an index while the table is in use', async () => {
  const { url, schema } = await emptySchema();
  const text = `export const up = (pgm) => {
    pgm.noTransaction();
    pgm.sql('create index concurrently notifications_recipient on notifications (recipient)');
  };\n`;
  const applied = await migrate({ url: new Secret(url), log, schema, directory: await directory({ '9999_index.mjs': text }) });
  assert.deepEqual(applied, [...own, '9999_index']);
});

test('a table that others hold is tried again, and others are not held up for long', async () => {
  const { url, schema } = await emptySchema();
  await migrate({ url: new Secret(url), log, schema });
  const database = databaseAt(url, log);
  const { log: heard, said } = testLog();
  const newer = await directory({ '9999_note.sql': '-- Up Migration\nalter table notifications add column note text;\n' });
  const options = { url: new Secret(url), log: heard, schema, directory: newer, lockTimeoutMs: 100, pauseMs: 10 };
  await database.transaction(async (queries) => {
    await queries.query('select * from notifications');
    await assert.rejects(migrate(options), { code: '55P03' });
  });
  assert.equal(said().filter(({ message }) => message === 'a table is locked by others: trying again').length, 2);
  assert.deepEqual(await migrate(options), ['9999_note']);
});

test('two releases at a time do not run the same migration', async () => {
  const { url, schema } = await emptySchema();
  const options = { url: new Secret(url), log, schema };
  const results = await Promise.allSettled([migrate(options), migrate(options)]);
  const done = results.filter((result) => result.status === 'fulfilled').flatMap(({ value }) => value);
  assert.deepEqual(done, own);
});

test('as a program it ends with 1 and says what PostgreSQL said, without the password', async () => {
  const { child, text, ended } = start('src/release.ts', { DATABASE_URL: 'postgresql://app:hunter2@127.0.0.1:1/app?sslmode=disable' });
  assert.equal(await ended, 1, String(child.pid));
  assert.match(text(), /^error: .*ECONNREFUSED/);
  assert.ok(!text().includes('hunter2'));
});
