// Programs under measurement: the command line and the language server as they are built in dist/, and what they use.
import { fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CancellationTokenSource, createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const dist = path.join(root, 'dist');

/** Ticks of a second in /proc, on every Linux that Node runs on. */
const ticksPerSecond = 100;
const sampleMilliseconds = 50;

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

/**
 * Starts a clock of processor time; calling it answers the share of all processors that other programs have taken since
 * then, 0 … 1, or null where /proc does not tell.
 */
export function processorClock() {
  const read = () => {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).map(Number);
    const total = fields.slice(0, 8).reduce((sum, x) => sum + x, 0);
    const own = [...familyOf(process.pid)].reduce((sum, pid) => sum + processorTicks(pid), 0);
    return { total, busy: total - fields[3] - fields[4], own };
  };
  try {
    const before = read();
    return () => {
      const now = read();
      return Math.max(0, now.busy - before.busy - (now.own - before.own)) / Math.max(1, now.total - before.total);
    };
  } catch {
    return () => null;
  }
}

/** Of a process and its ended children. */
function processorTicks(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ').slice(11, 15).reduce((sum, x) => sum + Number(x), 0);
  } catch {
    return 0;
  }
}

/**
 * Samples the memory of a process and all below it; `stop` answers the largest sums in bytes, null without /proc.
 * `own` counts a page that n processes share as 1/n in each (PSS), `resident` as a whole one in each (RSS).
 */
export function watchMemory(pid) {
  let peak = null;
  const sample = () => {
    try {
      const now = memoryOf(familyOf(pid));
      peak = { own: Math.max(peak?.own ?? 0, now.own), resident: Math.max(peak?.resident ?? 0, now.resident) };
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

function familyOf(pid) {
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
  return family;
}

function memoryOf(processes) {
  const sum = { own: 0, resident: 0 };
  for (const pid of processes) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      sum.own += 1024 * Number(/^Pss:\s+(\d+) kB/m.exec(text)[1]);
      sum.resident += 1024 * Number(/^Rss:\s+(\d+) kB/m.exec(text)[1]);
    } catch {
      // Ended meanwhile.
    }
  }
  return sum;
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
