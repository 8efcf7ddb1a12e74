import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Set to 1 to take what the tests see as right: `SIGMASCOPE_ACCEPT_GOLDEN=1 npm run test:unit`, then read the diff. */
const acceptVariable = 'SIGMASCOPE_ACCEPT_GOLDEN';

/**
 * Compares a text with `test/golden/<name>`. Where they differ the text is written beside it as `<name>.actual`, which
 * git ignores, and the assertion shows the first lines that differ.
 */
export function assertGolden(name: string, actual: string): void {
  const expectedPath = path.join('test', 'golden', name);
  const actualPath = `${expectedPath}.actual`;
  if (process.env[acceptVariable] === '1') {
    writeFileSync(expectedPath, actual);
    rmSync(actualPath, { force: true });
    return;
  }
  const expected = existsSync(expectedPath) ? readFileSync(expectedPath, 'utf8') : null;
  if (expected === actual) {
    rmSync(actualPath, { force: true });
    return;
  }
  writeFileSync(actualPath, actual);
  const hint = `See ${actualPath}; ${acceptVariable}=1 accepts it.`;
  assert.ok(expected !== null, `There is no ${expectedPath} yet. ${hint}`);
  assert.fail(`${expectedPath}, ${firstDifference(expected, actual)}\n${hint}`);
}

function firstDifference(expected: string, actual: string): string {
  const before = expected.split('\n');
  const after = actual.split('\n');
  const line = before.findIndex((text, i) => text !== after[i]);
  const at = line < 0 ? before.length : line;
  return `line ${at + 1}:\n- ${before[at] ?? '(end)'}\n+ ${after[at] ?? '(end)'}`;
}
