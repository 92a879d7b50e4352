// The release command: brings the schema to what this code needs, before this code serves. `infragen deploy` runs it in a
// task of its own, and deploys nothing when it fails. It goes forward only; on a newer schema there is nothing to do.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { loadConfig, releaseVariables, type Secret } from './platform/config.ts';
import { describeError, openLog, type Log } from './platform/log.ts';

const LOCK_NOT_AVAILABLE = '55P03';
const TRIES = 3;
const MIGRATIONS = resolve(import.meta.dirname, '../migrations');

export interface MigrateOptions {
  url: Secret;
  log: Log;
  directory?: string;
  schema?: string;
  lockTimeoutMs?: number;
  pauseMs?: number;
}

/** Apply the migrations that are not applied yet, in order; returns their names. */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { log, pauseMs = 2_000 } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await apply(options);
    } catch (error) {
      const isLocked = error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
      if (attempt === TRIES || !isLocked) throw error;
      log.warn({ attempt }, 'a table is locked by others: trying again');
      await new Promise((wake) => setTimeout(wake, pauseMs * attempt));
    }
  }
}

/** Apply them by a connection of its own, whose end undoes what failed. */
async function apply({ url, log, directory = MIGRATIONS, schema = 'public', lockTimeoutMs = 5_000 }: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({ connectionString: url.reveal(), application_name: 'release', connectionTimeoutMillis: 30_000 });
  await client.connect();
  try {
    // A migration that waits for a lock makes all behind it wait: after 5 seconds it lets them pass.
    await client.query(`set lock_timeout = ${lockTimeoutMs}`);
    const applied = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      schema,
      migrationsTable: 'migrations',
      singleTransaction: false,
      logger: { debug: () => undefined, info: () => undefined, warn: (text) => log.warn(text), error: () => undefined },
    });
    return applied.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function main(): Promise<void> {
  const { DATABASE_URL } = loadConfig(releaseVariables);
  const log = openLog({ service: 'release', level: 'info', deployment: process.env['DEPLOYMENT'] ?? '' });
  try {
    const applied = await migrate({ url: DATABASE_URL, log });
    for (const name of applied) process.stdout.write(`applied ${name}\n`);
    if (applied.length === 0) process.stdout.write('no migrations to apply\n');
  } catch (error) {
    const { message, code } = describeError(error) as { message: string; code?: string };
    process.stderr.write(`error: ${message}${code ? ` (${code})` : ''}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
