// The id that ties together what one request causes: in the log of the API, in its answers (`requestId`), in the
// message (`traceparent`, https://www.w3.org/TR/trace-context/) and in the log of the worker.
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { trace } from '@opentelemetry/api';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const AMAZON = /\bRoot=1-([0-9a-f]{8})-([0-9a-f]{24})\b/;
const ZERO = /^0+$/;

/** Return the trace id of a request: OpenTelemetry's, the caller's, the load balancer's, or a new one. 32 hex digits. */
export function traceIdOf(headers: IncomingHttpHeaders): string {
  const active = trace.getActiveSpan()?.spanContext().traceId;
  if (active) return active;
  const amazon = AMAZON.exec(String(headers['x-amzn-trace-id'] ?? ''));
  return parseTraceparent(headers['traceparent']) ?? (amazon ? `${amazon[1]}${amazon[2]}` : randomBytes(16).toString('hex'));
}

/** Return a header for what this trace causes next. */
export function traceparent(traceId: string): string {
  return `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
}

/** Return the trace id in a `traceparent`, or undefined where there is none that is valid. */
export function parseTraceparent(value: unknown): string | undefined {
  const [, traceId, parentId] = TRACEPARENT.exec(typeof value === 'string' ? value : '') ?? [];
  return traceId && parentId && !ZERO.test(traceId) && !ZERO.test(parentId) ? traceId : undefined;
}
