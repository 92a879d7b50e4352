// Ends the API without losing a request. ECS takes a task out of the load balancer and sends SIGTERM at the same
// moment, so requests come for some seconds more.
import type { Server } from 'node:http';
import type { Log } from './log.ts';

export interface ShutdownOptions {
  server: Server;
  log: Log;
  /** Run in this order once no request is left: what still needs the next one comes first. */
  finish: readonly (() => Promise<void>)[];
  /** Time in which new requests are still answered. */
  graceMs?: number;
  /** Time that requests get after that. Together with `graceMs` less than ECS's stop timeout, 60 s. */
  requestsMs?: number;
  exit?: (code: number) => void;
}

/** Ends the process with an exit code, once: what comes later while it is ending is ignored. */
export type Shutdown = (reason: string, code: number) => void;

/** Return the function that ends this process in order. */
export function prepareShutdown(options: ShutdownOptions): Shutdown {
  const { server, log, finish, graceMs = 5_000, requestsMs = 25_000, exit = (code) => process.exit(code) } = options;
  let begun = false;

  async function end(code: number): Promise<void> {
    // A client that keeps its connection would never leave: each answer from now on tells it to.
    server.prependListener('request', (_request, response) => void response.setHeader('connection', 'close'));
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    await closeServer(server, requestsMs, log);
    for (const each of finish) {
      await each().catch((error: unknown) => log.error({ error }, 'failed while ending'));
    }
    log.info('ended');
    exit(code);
  }

  return (reason, code) => {
    if (begun) return;
    begun = true;
    log.info({ reason }, 'ending: new requests are answered for some seconds');
    void end(code);
  };
}

async function closeServer(server: Server, requestsMs: number, log: Log): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    log.warn('requests took too long and were cut off');
    server.closeAllConnections();
  }, requestsMs);
  await closed;
  clearTimeout(timer);
}

/** End in order on SIGTERM (ECS) or SIGINT (a terminal); at once, with 1, on the next one. */
export function shutdownOnSignal(shutdown: Shutdown): void {
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      shutdown(signal, 0);
    });
  }
}
