// Delivers notifications: a Lambda function on the queue `notifications`.
import { notificationQueued } from '../domain/messages.ts';
import { deliverNotification } from '../domain/notifications.ts';
import { loadConfig, workerVariables } from '../platform/config.ts';
import { consumer } from '../platform/consumer.ts';
import { databaseUrl } from '../platform/credentials.ts';
import { openDatabase } from '../platform/database.ts';
import { openLog } from '../platform/log.ts';
import { withSecrets } from '../platform/parameters.ts';

const config = loadConfig(workerVariables, await withSecrets(process.env));
const log = openLog({ service: 'notifications', level: config.LOG_LEVEL, deployment: config.DEPLOYMENT });

export const handler = consumer({
  name: 'notifications',
  schema: notificationQueued,
  database: openDatabase({
    url: databaseUrl(config.DATABASE_SECRET_ARN),
    max: config.DATABASE_POOL_MAX,
    applicationName: 'notifications',
    log,
  }),
  log,
  effect: deliverNotification,
});
