// Sends traces to the collector that runs beside the API with `api.tracing: true`. Loaded before the program
// (node --import), because it changes the modules that the program imports; without a collector it does nothing.
import { register } from 'node:module';

if (process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) {
  // The collector takes traces only.
  process.env['OTEL_METRICS_EXPORTER'] ??= 'none';
  process.env['OTEL_LOGS_EXPORTER'] ??= 'none';
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const { HttpInstrumentation } = await import('@opentelemetry/instrumentation-http');
  const { ExpressInstrumentation } = await import('@opentelemetry/instrumentation-express');
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg');
  new NodeSDK({
    instrumentations: [
      new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url }) => url === '/health' }),
      new ExpressInstrumentation(),
      new PgInstrumentation(),
    ],
  }).start();
}
