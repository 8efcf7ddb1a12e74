// Small helpers of the project's scripts: run a command, know the folders.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The environment without npm's own variables, which would leak from the npm that started us into an inner npm. */
export function cleanEnvironment(extra = {}) {
  const keep = /^npm_config_(cache|registry|offline|prefer_offline|userconfig)$/i;
  const entries = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || keep.test(name));
  return { ...Object.fromEntries(entries), ...extra };
}

/** Runs npm in `cwd`; throws one sentence with the end of its output when it fails. */
export function npm(args, { cwd = repository, show = false } = {}) {
  const all = [...args, '--no-audit', '--no-fund', '--loglevel=error'];
  const windows = process.platform === 'win32';
  const result = spawnSync(windows ? 'npm.cmd' : 'npm', all, { cwd, env: cleanEnvironment(), encoding: 'utf8', shell: windows, stdio: show ? 'inherit' : 'pipe' });
  if (result.status !== 0) {
    const tail = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().slice(-2000);
    throw new Error(`npm ${args.join(' ')} failed with code ${result.status} in ${cwd}${tail ? `:\n${tail}` : '.'}`);
  }
}

/** Runs Node with a script of the project; resolves with exit code and, with `capture`, the output. */
export function node(args, { cwd = repository, env = {}, capture = false, tee = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'] });
    let output = '';
    for (const [stream, sink] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
      stream?.on('data', (data) => {
        output += data;
        if (tee) sink.write(data);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}
