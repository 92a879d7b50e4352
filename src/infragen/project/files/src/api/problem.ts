// Errors as application/problem+json (RFC 9457). An error of ours says nothing but its id: the log has the rest.
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { ZodError } from 'zod';

/** An error that its caller may know about. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
};

interface Details {
  status: number;
  detail?: string;
  errors?: readonly { path: string; message: string }[];
}

/** Answer 404 for what has no route. */
export const notFound: RequestHandler = (request) => {
  throw new Problem(404, `there is no ${request.method} ${request.path}`);
};

/** Turn what was thrown into an answer, and log what is our fault. */
export const problems: ErrorRequestHandler = (error: unknown, request, response, next) => {
  if (response.headersSent) {
    next(error); // Express ends the connection: half an answer must not look like a whole one
    return;
  }
  const details = describe(error);
  if (details.status >= 500) request.log.error({ error }, 'request failed');
  const title = TITLES[details.status] ?? 'Error';
  response
    .status(details.status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, ...details, requestId: request.id }));
};

function describe(error: unknown): Details {
  if (error instanceof ZodError) {
    const errors = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    return { status: 400, detail: 'the request is not valid', errors };
  }
  if (error instanceof Problem) return { status: error.status, detail: error.message };
  // What express.json() throws: malformed, too large, an unknown encoding.
  if (isHttpError(error)) return { status: error.status, detail: error.message };
  return { status: 500 };
}

function isHttpError(error: unknown): error is { status: number; message: string } {
  return (
    error instanceof Error &&
    'expose' in error &&
    error.expose === true &&
    'status' in error &&
    typeof error.status === 'number' &&
    error.status >= 400 &&
    error.status < 500
  );
}
