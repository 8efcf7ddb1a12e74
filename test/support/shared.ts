import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve('..', 'shared', 'data');

/** Path of a file of the shared models and inputs, which lie beside the repository and never in it. */
export function sharedData(...parts: string[]): string {
  return path.join(root, ...parts);
}

/** A `describe` that is skipped, and says so, where the shared models are absent. */
export function describeShared(title: string, body: () => void): void {
  if (existsSync(root)) {
    describe(title, body);
  } else {
    describe.skip(`${title} (skipped: no ../shared/data beside the repository)`, body);
  }
}
