// The API: takes a notification, writes it to the database and sends its number to the queue. The worker does the rest.
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import express from 'express';
import pg from 'pg';

const { DATABASE_URL, DATABASE_POOL_MAX, PORT, QUEUE_URL } = process.env;
const database = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DATABASE_POOL_MAX ?? 5) });
const queue = new SQSClient({});
const app = express();

// An idle connection may end at any time, and one that a rotation cut off for good: a new task has the new password.
database.on('error', (error) => console.error(JSON.stringify({ level: 'error', message: error.message })));

app.get('/health', (_request, response) => response.json({ ok: true }));

app.post('/notifications', express.json(), async (request, response) => {
  const { recipient, body } = request.body;
  const text = 'insert into notifications (recipient, body) values ($1, $2) returning id';
  const [{ id }] = (await database.query(text, [recipient, body])).rows;
  await queue.send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: JSON.stringify({ id }) }));
  response.status(202).json({ id });
});

app.get('/notifications/:id', async (request, response) => {
  const { rows } = await database.query('select id, state from notifications where id = $1', [request.params.id]);
  response.status(rows.length ? 200 : 404).json(rows[0] ?? {});
});

await database.query(`create table if not exists notifications (
  id bigint generated always as identity primary key,
  recipient text not null,
  body text not null,
  state text not null default 'queued')`);
const server = app.listen(Number(PORT), () => console.log(JSON.stringify({ level: 'info', message: 'listening' })));
process.once('SIGTERM', () => server.close(() => database.end()));
