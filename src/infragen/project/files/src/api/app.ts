// The routes. What they need is passed in, and nothing here listens: tests use it with what they like.
import express, { type Express } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { z } from 'zod';
import { findNotification, newNotification, queueNotification } from '../domain/notifications.ts';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Outbox } from '../platform/outbox.ts';
import { traceIdOf, traceparent } from '../platform/trace.ts';
import { notFound, Problem, problems } from './problem.ts';

export interface Dependencies {
  database: Database;
  outbox: Outbox;
  log: Log;
}

/** Return the application without a server. */
export function createApp({ database, outbox, log }: Dependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', 1); // the load balancer
  app.use(helmet());

  // The load balancer asks every few seconds: it is answered without a line in the log, and without the database, or
  // a slow database would take every task out of service and an idle one could never pause.
  app.get('/health', (_request, response) => void response.json({ ok: true }));

  app.use(
    pinoHttp({
      logger: log,
      genReqId: (request) => traceIdOf(request.headers),
      customProps: (request) => ({ traceId: request.id }),
      customAttributeKeys: { responseTime: 'ms' },
      serializers: {
        // Neither headers nor query: they carry tokens. Express's own path, without the query.
        req: ({ method, url }: { method: string; url: string }) => ({ method, path: url.split('?')[0] }),
        res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
        err: () => undefined, // `problems` logs it
      },
      customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'info'),
      customSuccessMessage: () => 'answered',
      customErrorMessage: () => 'answered',
    }),
  );
  app.use((request, response, next) => {
    response.setHeader('x-request-id', String(request.id));
    next();
  });
  app.use(express.json({ limit: '100kb' }));

  app.post('/notifications', async (request, response) => {
    const wanted = newNotification.parse(request.body);
    const { id, message } = await database.transaction(async (queries) => {
      const queued = await queueNotification(queries, wanted);
      await outbox.add(queries, {
        eventId: queued.message.eventId,
        group: wanted.recipient,
        body: JSON.stringify(queued.message),
        traceparent: traceparent(String(request.id)),
      });
      return queued;
    });
    outbox.send();
    request.log.info({ id, eventId: message.eventId }, 'queued');
    response.status(202).location(`/notifications/${id}`).json({ id });
  });

  app.get('/notifications/:id', async (request, response) => {
    const id = z.uuid().safeParse(request.params.id);
    const found = id.success ? await findNotification(database.read, id.data) : undefined;
    if (!found) throw new Problem(404, 'there is no such notification');
    response.json(found);
  });

  app.use(notFound);
  app.use(problems);
  return app;
}
