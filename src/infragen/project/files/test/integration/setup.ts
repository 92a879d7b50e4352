// What integration tests stand on: a real PostgreSQL and a real queue, and in them a schema and queues of each file's own.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after } from 'node:test';
import { CreateQueueCommand, DeleteQueueCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { Secret } from '../../src/platform/config.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { type Log, openLog } from '../../src/platform/log.ts';
import { openSqs } from '../../src/platform/queue.ts';
import { migrate } from '../../src/release.ts';
import { lines } from '../unit/lines.ts';

export const ROOT = new URL('../../', import.meta.url).pathname;

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: infragen dev --exec -- npm run test:integration`);
  return value;
}

/** Return a name that nobody else uses. */
export function unique(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

/** Return a log for tests, and its lines. */
export function testLog(): { log: Log; said: () => Record<string, unknown>[] } {
  const { text, destination } = lines();
  const said = () => text().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: openLog({ service: 'test', level: 'debug', deployment: 'test' }, destination), said };
}

/** Return the URL of an empty schema that goes when this file's tests end. */
export async function emptySchema(): Promise<{ url: string; schema: string }> {
  const schema = unique('test');
  const url = new URL(variable('TEST_DATABASE_URL'));
  await statement(url.href, `create schema ${schema}`);
  after(() => statement(variable('TEST_DATABASE_URL'), `drop schema ${schema} cascade`));
  url.searchParams.set('options', `-c search_path=${schema}`);
  return { url: url.href, schema };
}

/** Return the URL of a schema with this project's tables. */
export async function schema(): Promise<string> {
  const { url, schema } = await emptySchema();
  await migrate({ url: new Secret(url), log: testLog().log, schema });
  return url;
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** Return a database of this file; it is closed when the tests end. */
export function databaseAt(url: string, log: Log = testLog().log): Database {
  const database = openDatabase({ url: async () => new Secret(url), max: 5, applicationName: 'test', log });
  after(() => database.end());
  return database;
}

/** Return the URL of a queue that goes when this file's tests end. */
export async function queueUrl({ fifo = false } = {}): Promise<string> {
  const sqs = openSqs();
  const QueueName = unique('test') + (fifo ? '.fifo' : '');
  const Attributes = { VisibilityTimeout: '30', ...(fifo ? { FifoQueue: 'true' } : {}) };
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  after(() => sqs.send(new DeleteQueueCommand({ QueueUrl })));
  return QueueUrl;
}

/** Return `count` messages of a queue, in the order in which they come. */
export async function received(QueueUrl: string, count: number): Promise<Message[]> {
  const sqs = openSqs();
  const all: Message[] = [];
  await until(async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    all.push(...Messages);
    return all.length >= count;
  }, `${count} messages`);
  return all;
}

/** Wait until something is so. */
export async function until(isSo: () => Promise<boolean> | boolean, what: string, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A program of this project that runs, and what it has written. */
export interface Running {
  child: ChildProcess;
  text: () => string;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

/** Start a program of this project with these variables besides those that AWS's client needs. */
export function start(program: string, variables: Record<string, string>, ...words: string[]): Running {
  const passed = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_') || name === 'PATH');
  const child = spawn(process.execPath, [ROOT + program, ...words], { env: { ...Object.fromEntries(passed), ...variables } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (text += data.toString()));
  after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return { child, text: () => text, ended };
}

/** Return a port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Start a PostgreSQL server that refuses every password, as after two rotations; returns its URL. */
export async function refusingDatabase(): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      const fields = 'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "app_a"\0\0';
      const head = Buffer.from('E....');
      head.writeInt32BE(4 + Buffer.byteLength(fields), 1);
      socket.end(Buffer.concat([head, Buffer.from(fields)]));
    });
  }).listen(0, '127.0.0.1');
  after(() => server.close());
  await once(server, 'listening');
  return `postgresql://app_a:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/app?sslmode=disable`;
}
