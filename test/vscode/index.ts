import { readdirSync, writeFileSync } from 'node:fs';
import { findSourceMap } from 'node:module';
import path from 'node:path';
import Mocha from 'mocha';

/** One test as the runner outside reads it. */
interface TestResult {
  title: string;
  state: string;
  milliseconds: number;
  error?: string;
}

/**
 * Entry of the suite inside the extension host. VS Code calls it; a rejection fails the run.
 * The results are also written to $SIGMASCOPE_TEST_RESULTS, because the host's exit code is 0 even when it was aborted.
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, color: false, reporter: 'spec', fullTrace: true, ...(process.env.SIGMASCOPE_GREP ? { grep: process.env.SIGMASCOPE_GREP } : {}) });
  for (const name of readdirSync(__dirname).sort()) if (name.endsWith('.test.js')) mocha.addFile(path.join(__dirname, name));
  await mocha.loadFilesAsync();
  const tests: TestResult[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    runner.prependListener('fail', (_test, error: Error) => {
      if (error.stack !== undefined) error.stack = mapped(error.stack);
    });
    runner.on('test end', (test) => {
      const error = test.err?.stack;
      tests.push({ title: test.fullTitle(), state: test.state ?? 'pending', milliseconds: test.duration ?? 0, ...(error === undefined ? {} : { error }) });
    });
    // A hook that fails ends its block without a "test end".
    runner.on('fail', (test, error: Error) => {
      if ((test as { type: string }).type === 'hook') tests.push({ title: test.fullTitle(), state: 'failed', milliseconds: 0, error: error.stack ?? error.message });
    });
  });
  const out = process.env.SIGMASCOPE_TEST_RESULTS;
  if (out) writeFileSync(out, JSON.stringify({ tests }, null, 1));
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}

/** Positions of the bundles as positions of the sources: VS Code's own stack traces ignore source maps. */
function mapped(stack: string): string {
  return stack.replace(/(?:file:\/\/)?(\/[^\s():]+\.js):(\d+):(\d+)/g, (all, file: string, line: string, column: string) => {
    const entry = findSourceMap(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (!entry || !('originalSource' in entry)) return all;
    return `${entry.originalSource.replace(/^file:\/\//, '')}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}
