// The API as a program: reads its environment, puts the parts together, listens, and ends on SIGTERM.
import { createServer } from 'node:http';
import { apiVariables, loadConfig } from '../platform/config.ts';
import { openDatabase } from '../platform/database.ts';
import { openLog } from '../platform/log.ts';
import { openOutbox } from '../platform/outbox.ts';
import { openQueue } from '../platform/queue.ts';
import { prepareShutdown, shutdownOnSignal } from '../platform/shutdown.ts';
import { createApp } from './app.ts';

const config = loadConfig(apiVariables);
const log = openLog({ service: 'api', level: config.LOG_LEVEL, deployment: config.DEPLOYMENT });
const database = openDatabase({
  url: async () => config.DATABASE_URL,
  max: config.DATABASE_POOL_MAX,
  applicationName: 'api',
  log,
  onRotatedAway: () => {
    log.error('credentials were rotated away');
    shutdown('a new task starts with the current credentials', 1);
  },
});
const outbox = openOutbox(database, openQueue(config.QUEUE_URL), log);
const server = createServer(createApp({ database, outbox, log }));
// Longer than the load balancer keeps an idle connection (60 s), or it sends requests into one that is just closing.
server.keepAliveTimeout = 65_000;
server.headersTimeout = 66_000;

const shutdown = prepareShutdown({ server, log, finish: [() => outbox.close(), () => database.end()] });
shutdownOnSignal(shutdown);
server.listen({ port: config.PORT, host: config.HOST }, () => {
  log.info({ port: config.PORT }, 'listening');
  outbox.send(); // what a task before this one could not
});
