// Turns the environment into typed values. A program that lacks a variable ends before it does anything, and names all
// of them at once. No message holds a value: one of them may be a password.
import { inspect } from 'node:util';
import { z } from 'zod';

/** A value that is printed by nothing: not by a log, JSON, a template string or inspect(). */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

export const secret = z.string().min(1).transform((value) => new Secret(value));
const count = z.coerce.number().int().min(1);

const common = {
  DEPLOYMENT: z.string().min(1),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  DATABASE_POOL_MAX: count.default(5),
};

export const apiVariables = z.object({
  ...common,
  PORT: z.coerce.number().int().min(0).max(65_535),
  /** Where to listen; every address of a task. `infragen dev` says 127.0.0.1. */
  HOST: z.string().min(1).optional(),
  DATABASE_URL: secret,
  QUEUE_URL: z.url(),
});

export const workerVariables = z.object({
  ...common,
  DATABASE_POOL_MAX: count.default(2),
  DATABASE_SECRET_ARN: z.string().startsWith('arn:'),
});

export const pollVariables = z.object({ ...workerVariables.shape, QUEUE_URL: z.url() });

export const releaseVariables = z.object({ DATABASE_URL: secret });

/** Variables that are missing or not what they should be. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Return what `variables` describes; ConfigError names every variable that is missing or wrong, never a value. */
export function parse<T extends z.ZodObject>(variables: T, environment: NodeJS.ProcessEnv): z.output<T> {
  const read = variables.safeParse(environment);
  if (read.success) return read.data;
  const names = [...new Set(read.error.issues.map((issue) => String(issue.path[0])))];
  const missing = names.filter((name) => environment[name] === undefined);
  const invalid = names.filter((name) => environment[name] !== undefined);
  const said = [
    missing.length ? `missing: ${missing.join(', ')}` : '',
    invalid.length ? `not valid: ${invalid.join(', ')}` : '',
  ];
  throw new ConfigError(`environment variables ${said.filter(Boolean).join('; ')}`);
}

/** Return what `variables` describes, or end the program with 2 after one line that names what is missing. */
export function loadConfig<T extends z.ZodObject>(variables: T, environment = process.env): z.output<T> {
  try {
    return parse(variables, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${JSON.stringify({ level: 'error', message: error.message })}\n`);
    process.exit(2);
  }
}
