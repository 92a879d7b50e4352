// The application's own secrets for a worker: SECRET_PARAMETERS names the SSM parameters that hold them. The API needs
// none of this: ECS gives its tasks the values as variables.
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { ConfigError } from './config.ts';

const AT_ONCE = 10; // names that GetParameters takes

/**
 * Return the environment with the values that SECRET_PARAMETERS names (`NAME=PARAMETER`, with a space between two).
 * A variable that is set already stays as it is: so it is where there is no Parameter Store. Nothing is written to
 * process.env, which child processes inherit.
 */
export async function withSecrets(environment: NodeJS.ProcessEnv, client?: SSMClient): Promise<NodeJS.ProcessEnv> {
  const pairs = (environment['SECRET_PARAMETERS'] ?? '').split(' ').filter(Boolean);
  const wanted = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  const missing = [...wanted].filter(([name]) => environment[name] === undefined);
  if (missing.length === 0) return environment;
  const ssm = client ?? new SSMClient({});
  const values = new Map<string, string>();
  for (let start = 0; start < missing.length; start += AT_ONCE) {
    const Names = missing.slice(start, start + AT_ONCE).map(([, parameter]) => parameter);
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));
    for (const { Name, ARN, Value } of Parameters) {
      for (const key of [Name, ARN]) if (key !== undefined && Value !== undefined) values.set(key, Value);
    }
  }
  const lost = missing.filter(([, parameter]) => !values.has(parameter)).map(([name]) => name);
  if (lost.length > 0) throw new ConfigError(`there is no parameter for ${lost.join(', ')}`);
  return { ...environment, ...Object.fromEntries(missing.map(([name, parameter]) => [name, values.get(parameter)])) };
}
