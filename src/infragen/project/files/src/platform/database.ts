// A pool of connections that lets an idle Aurora cluster pause, and survives the rotation of its credentials.
//
// A rotation gives the *other* of two logins a new password; after the second one, what this process holds is refused
// (28P01) when it opens a connection. A worker reads the secret anew, once. The API cannot: ECS gave it the value. It
// says so by `onRotatedAway`, ends, and its successor starts with the current one.
import pg from 'pg';
import type { Secret } from './config.ts';
import type { Log } from './log.ts';

const INVALID_PASSWORD = '28P01';
const CONNECTION_LOST = new Set(['57P01', '08006', '08003', 'ECONNRESET', 'EPIPE']);

export interface Row {
  [column: string]: unknown;
}

/** What domain code gets of a database: statements in whatever transaction the caller has begun. */
export interface Queries {
  query<R extends Row>(text: string, values?: readonly unknown[]): Promise<{ rows: R[]; rowCount: number }>;
}

export interface Database extends Queries {
  /** Run one statement that may run twice: repeated once when the connection is lost. */
  read<R extends Row>(text: string, values?: readonly unknown[]): Promise<{ rows: R[]; rowCount: number }>;
  /** Run statements in one transaction: committed when `work` returns, rolled back when it throws. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  end(): Promise<void>;
}

export interface DatabaseOptions {
  /** Returns the URL with its credentials; asked for it at the first statement, and with `again` after a 28P01. */
  url: (again: boolean) => Promise<Secret>;
  max: number;
  applicationName: string;
  log: Log;
  /** Called when credentials are refused for good. */
  onRotatedAway?: () => void;
}

/** Return a database that connects when it is first used. */
export function openDatabase({ url, max, applicationName, log, onRotatedAway }: DatabaseOptions): Database {
  let pool: Promise<pg.Pool> | undefined;

  async function open(again: boolean): Promise<pg.Pool> {
    const opened = new pg.Pool({
      connectionString: (await url(again)).reveal(),
      max,
      min: 0,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 5_000,
      application_name: applicationName,
    });
    // An idle connection ends when the server restarts. Without a listener that would end this process.
    opened.on('error', (error) => log.warn({ error }, 'an idle connection ended'));
    return opened;
  }

  /** Return the pool; one that could not be opened is opened anew by the next statement. */
  function current(): Promise<pg.Pool> {
    pool ??= open(false).catch((error: unknown) => {
      pool = undefined;
      throw error;
    });
    return pool;
  }

  async function connect(): Promise<pg.PoolClient> {
    const used = current();
    try {
      return await (await used).connect();
    } catch (error) {
      if (codeOf(error) !== INVALID_PASSWORD) throw error;
      if (onRotatedAway) {
        onRotatedAway();
        throw error;
      }
      if (pool === used) {
        log.info('the password was refused: reading the secret again');
        pool = open(true);
        pool.catch(() => (pool = undefined));
        void used.then((old) => old.end()).catch(() => undefined);
      }
      return (await current()).connect();
    }
  }

  async function using<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await connect();
    // While it is in use the connection has no listener of the pool, and its end is an event besides the failed query.
    let lost: Error | undefined;
    const onError = (error: Error): void => void (lost = error);
    client.on('error', onError);
    try {
      return await work(client);
    } catch (error) {
      if (isConnectionLost(error)) lost ??= error as Error;
      throw error;
    } finally {
      client.off('error', onError);
      client.release(lost);
    }
  }

  const database: Database = {
    query: (text, values) => using((client) => run(client, text, values)),
    async read(text, values) {
      try {
        return await database.query(text, values);
      } catch (error) {
        if (!isConnectionLost(error)) throw error;
        log.warn({ error }, 'the connection was lost: reading once more');
        return database.query(text, values);
      }
    },
    transaction: (work) =>
      using(async (client) => {
        await client.query('begin');
        try {
          const result = await work({ query: (text, values) => run(client, text, values) });
          await client.query('commit');
          return result;
        } catch (error) {
          if (!isConnectionLost(error)) await client.query('rollback').catch(() => undefined);
          throw error;
        }
      }),
    async end() {
      await (await pool?.catch(() => undefined))?.end();
    },
  };
  return database;
}

async function run<R extends Row>(client: pg.PoolClient, text: string, values: readonly unknown[] = []) {
  const { rows, rowCount } = await client.query<R>(text, [...values]);
  return { rows, rowCount: rowCount ?? 0 };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function isConnectionLost(error: unknown): boolean {
  // node-postgres has no code for a connection that the server closed without a word.
  const lost = error instanceof Error && error.message.startsWith('Connection terminated');
  return lost || CONNECTION_LOST.has(String(codeOf(error)));
}
