// Bundles the workers: src/worker/NAME.ts becomes dist/workers/NAME/index.mjs, one file with all that it needs. Lambda
// brings an AWS SDK of its own, older and not pinned, so the bundle has its own too. The API is not built.
// --watch bundles again after each change, until it is ended.
import { readdir, rm } from 'node:fs/promises';
import { context } from 'esbuild';

const NOT_FOR_LAMBDA = new Set(['poll.ts']);
const names = (await readdir('src/worker')).filter((file) => file.endsWith('.ts') && !NOT_FOR_LAMBDA.has(file));
const watch = process.argv.includes('--watch');

await rm('dist/workers', { recursive: true, force: true });
const contexts = await Promise.all(
  names.map((file) =>
    context({
      entryPoints: [`src/worker/${file}`],
      outfile: `dist/workers/${file.slice(0, -3)}/index.mjs`,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      legalComments: 'none',
      logLevel: watch ? 'info' : 'warning',
      // Packages that are CommonJS ask for Node's own modules by require.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      // node-postgres looks for bindings to libpq; there are none.
      external: ['pg-native'],
    }),
  ),
);
await Promise.all(contexts.map((each) => (watch ? each.watch() : each.rebuild())));
if (!watch) await Promise.all(contexts.map((each) => each.dispose()));
