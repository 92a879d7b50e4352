// The database's credentials for a worker, which reads the secret itself.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { Secret } from './config.ts';

const credentials = z.object({ url: z.string().min(1) });

/** Return a function that reads the URL from a secret. */
export function databaseUrl(secretArn: string, manager = new SecretsManagerClient({})): () => Promise<Secret> {
  return async () => {
    const { SecretString } = await manager.send(new GetSecretValueCommand({ SecretId: secretArn }));
    return new Secret(credentials.parse(JSON.parse(SecretString ?? '{}')).url);
  };
}
