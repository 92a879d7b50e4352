// The worker: marks notifications as sent. A message that fails is tried again at once, and after `max_receives` of the
// queue it is in the dead-letter queue; the others of its batch are not repeated.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';

const { DATABASE_SECRET_ARN, DATABASE_POOL_MAX, QUEUE_URL } = process.env;
const secrets = new SecretsManagerClient({});
const queue = new SQSClient({});
let database;

async function connect() {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: DATABASE_SECRET_ARN }));
  const pool = new pg.Pool({ connectionString: JSON.parse(SecretString).url, max: Number(DATABASE_POOL_MAX ?? 2) });
  pool.on('error', (error) => console.error(error.message));
  return pool;
}

async function query(text, values) {
  database ??= await connect();
  try {
    return await database.query(text, values);
  } catch (error) {
    if (error.code !== '28P01') throw error; // the password was rotated: read it again
    database = await connect();
    return database.query(text, values);
  }
}

async function work({ messageId, body }) {
  const { id } = JSON.parse(body);
  const { rowCount } = await query("update notifications set state = 'sent' where id = $1", [id]);
  if (!rowCount) throw new Error(`there is no notification ${id}`);
  console.log(JSON.stringify({ level: 'info', message: 'sent', id, messageId }));
}

export async function handler(event) {
  const batchItemFailures = [];
  for (const record of event.Records) {
    try {
      await work(record);
    } catch (error) {
      console.error(JSON.stringify({ level: 'error', message: error.message, messageId: record.messageId }));
      batchItemFailures.push({ itemIdentifier: record.messageId });
      const again = { QueueUrl: QUEUE_URL, ReceiptHandle: record.receiptHandle, VisibilityTimeout: 0 };
      await queue.send(new ChangeMessageVisibilityCommand(again)).catch(() => {});
    }
  }
  return { batchItemFailures };
}
