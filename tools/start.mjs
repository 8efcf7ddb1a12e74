// npm start: installs, builds and opens the sample workspace in a real VS Code with the extension loaded.
//   npm start [-- --folder DIR] [-- --port N] [-- --desktop] [-- --text]
// On linux-x64 a VS Code server from npm runs on this machine and its address is printed (Ctrl+C ends it); elsewhere
// an installed desktop `code` is opened; where neither can be, the text report of the sample is printed.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installDependencies } from './lib/dependencies.mjs';
import { node, repository } from './lib/run.mjs';
import { hostSupported, installHost } from './vscode/install.mjs';

const { values } = parseArgs({ options: { folder: { type: 'string' }, port: { type: 'string' }, desktop: { type: 'boolean' }, text: { type: 'boolean' } } });
const folder = path.resolve(values.folder ?? path.join(repository, 'samples'));
const sample = path.join(repository, 'samples/models/plain.onnx');

try {
  installDependencies();
  console.log('Building …');
  const build = await node(['esbuild.mjs']);
  if (build.code !== 0) throw new Error('The build failed; its messages are above.');
  if (values.text || !(await openEditor())) await printReport();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function openEditor() {
  if (hostSupported && !values.desktop) {
    try {
      await serve();
      return true;
    } catch (error) {
      console.error(`A VS Code in the browser could not be started: ${error instanceof Error ? error.message : error}`);
    }
  }
  return openDesktop();
}

async function serve() {
  installHost();
  const { startServer } = await import('./vscode/host.mjs');
  const server = await startServer({ port: values.port === undefined ? undefined : Number(values.port) });
  const url = server.url(folder, [['extensionDevelopmentPath', server.remote(repository)]]);
  console.log(`\nVS Code with Sigmascope is running:\n\n  ${url}\n\nOpen it in a browser, right-click models/plain.onnx and choose Sigmascope › Analyze Spectrum.\nCtrl+C ends it.`);
  if (process.stdout.isTTY && (process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) {
    spawn('xdg-open', [url], { stdio: 'ignore', detached: true }).on('error', () => undefined).unref();
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void server.stop().then(() => process.exit(0)));
}

function openDesktop() {
  const shell = process.platform === 'win32';
  const found = spawnSync('code', ['--version'], { encoding: 'utf8', shell });
  if (found.status !== 0) return false;
  const opened = spawnSync('code', ['--new-window', `--extensionDevelopmentPath=${repository}`, folder], { stdio: 'inherit', shell });
  if (opened.status !== 0) return false;
  console.log('VS Code is open with Sigmascope: right-click models/plain.onnx and choose Sigmascope › Analyze Spectrum.');
  return true;
}

async function printReport() {
  console.log(`${values.text ? 'This' : 'No VS Code can be opened here; this'} is the report of samples/models/plain.onnx on the command line:\n`);
  const { code } = await node(['dist/cli.js', 'analyze', sample]);
  process.exitCode = code;
}
