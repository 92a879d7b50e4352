// One format for API and workers: JSON lines with levels as words, which `{ $.level = "error" }` finds in CloudWatch
// Logs, and `timestamp`, by which Lambda believes the level. Values under names of secrets are left out, at any depth
// that occurs here.
import pino from 'pino';

export type Log = pino.Logger;

const SECRET_NAMES = ['authorization', 'cookie', '"set-cookie"', 'password', 'secret', 'token', 'connectionString', 'DATABASE_URL'];
const REDACTED = SECRET_NAMES.flatMap((name) => {
  const key = name.startsWith('"') ? `[${name}]` : `.${name}`;
  return [key.replace(/^\./, ''), ...['*', '*.*', '*.*.*'].map((above) => `${above}${key}`)];
});
const CREDENTIALS_IN_URL = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi;

/** Replace the user and password of every URL in a text. */
export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS_IN_URL, '$1[secret]@');
}

/** Return what a log says of an error: its type, message, code and stack, and those of its causes. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return withoutCredentials(String(error));
  return {
    type: error.name,
    message: withoutCredentials(error.message),
    ...('code' in error && error.code !== undefined ? { code: error.code } : {}),
    stack: withoutCredentials(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** Return a log of `service` that writes to standard output, or to `destination`. */
export function openLog(
  { service, level, deployment }: { service: string; level: string; deployment: string },
  destination: pino.DestinationStream = process.stdout,
): Log {
  return pino(
    {
      level,
      messageKey: 'message',
      base: { service, deployment },
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (word) => ({ level: word }) },
      serializers: { error: describeError },
      redact: { paths: REDACTED, censor: '[secret]' },
    },
    destination,
  );
}
