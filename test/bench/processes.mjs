// Programs under measurement: the command line and the language server as they are built in dist/, and what they use.
import { fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CancellationTokenSource, createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const dist = path.join(root, 'dist');

/** Bytes of a page and ticks of a second, as every Linux that Node runs on has them in /proc. */
const pageBytes = 4096;
const ticksPerSecond = 100;
const sampleMilliseconds = 20;

/** Starts the command line. `ended` tells its code, what it wrote to stderr and how long it took. */
export function startCommand(...args) {
  const start = performance.now();
  const child = spawn(process.execPath, [path.join(dist, 'cli.js'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let error = '';
  child.stderr.on('data', (chunk) => (error += chunk));
  const ended = new Promise((resolve) => child.on('close', (code) => resolve({ code, error: error.trim(), milliseconds: performance.now() - start })));
  return { child, ended };
}

/** Seconds of processor that the ended children of this process took; null where /proc does not tell. */
export function childrenSeconds() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
  } catch {
    return null;
  }
}

/** Samples the resident memory of a process and all below it; `stop` answers the largest sum in bytes, null without /proc. */
export function watchMemory(pid) {
  let peak = null;
  const sample = () => {
    try {
      peak = Math.max(peak ?? 0, residentBytes(pid));
    } catch {
      // The process has ended, or there is no /proc.
    }
  };
  const timer = setInterval(sample, sampleMilliseconds);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Pages that processes share are counted in each, so that the sum is an upper bound. */
function residentBytes(pid) {
  const parents = readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [[Number(name), Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1).split(' ')[1])]] : [];
    } catch {
      return [];
    }
  });
  const family = new Set([pid]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  let bytes = 0;
  for (const member of family) {
    try {
      bytes += pageBytes * Number(readFileSync(`/proc/${member}/statm`, 'utf8').split(' ')[1]);
    } catch {
      // Ended meanwhile.
    }
  }
  return bytes;
}

/** A language server as the extension starts it, ready to answer. */
export async function startServer(settings = {}) {
  const child = fork(path.join(dist, 'server.js'), ['--node-ipc'], { silent: true });
  const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
  connection.listen();
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions: settings });
  await connection.sendNotification('initialized', {});
  return {
    pid: child.pid,
    /** Milliseconds until the answer, which may be an error. `cancelAfter` counts from the request; the time then counts from the cancel. */
    async time(method, parameters, cancelAfter = null) {
      const source = new CancellationTokenSource();
      let start = performance.now();
      const answer = connection.sendRequest(`sigmascope/${method}`, parameters, source.token).catch(() => null);
      if (cancelAfter !== null) {
        await new Promise((resolve) => setTimeout(resolve, cancelAfter));
        start = performance.now();
        source.cancel();
      }
      await answer;
      return performance.now() - start;
    },
    async stop() {
      const closed = new Promise((resolve) => child.once('close', resolve));
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      await closed;
      connection.dispose();
    },
  };
}
