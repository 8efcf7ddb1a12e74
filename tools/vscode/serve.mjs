// Keeps a VS Code with the extension up, to look at by hand or with another script. Ctrl+C ends it.
//   node tools/vscode/serve.mjs [folder] [--vsix FILE]     without --vsix this folder is the development extension
import path from 'node:path';
import { repository } from '../lib/run.mjs';
import { startServer } from './host.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--vsix');
const vsix = at >= 0 ? args.splice(at, 2)[1] : undefined;
const folder = args[0] ?? path.join(repository, 'samples');
const server = await startServer({ port: Number(process.env.PORT) || undefined, vsix, log: Boolean(process.env.DEBUG) });
console.log(server.url(folder, vsix ? [] : [['extensionDevelopmentPath', server.remote(repository)]]));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void server.stop().then(() => process.exit(0)));
