// Installs what package-lock.json names, only when it changed since the last time.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { npm, repository } from './run.mjs';

const minimumNode = [20, 19];

/** Throws a sentence when this Node is too old; runs `npm ci --ignore-scripts` when node_modules is not the lock file's. */
export function installDependencies({ log = console.log } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < minimumNode[0] || (major === minimumNode[0] && minor < minimumNode[1])) {
    throw new Error(`Sigmascope needs Node ${minimumNode.join('.')} or newer, this is ${process.versions.node}.`);
  }
  const stamp = path.join(repository, 'node_modules/.sigmascope-lock');
  const key = createHash('sha256').update(readFileSync(path.join(repository, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  log('Installing the dependencies (npm ci --ignore-scripts) …');
  npm(['ci', '--ignore-scripts']);
  writeFileSync(stamp, key);
}
