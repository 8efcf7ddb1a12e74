import os from 'node:os';
import type { ServerSettings } from '../protocol.js';

/** What holds until the extension has said otherwise. */
export const defaultSettings: ServerSettings = {
  memoryLimitMegabytes: 2048,
  threads: Math.max(1, os.availableParallelism() - 1),
  cacheFolder: null,
  cacheMegabytes: 512,
  rules: {},
};

/** Settings as a client sent them, each wrong or missing one replaced by its default: a server always starts. */
export function readSettings(value: unknown): ServerSettings {
  const given: Partial<Record<keyof ServerSettings, unknown>> = isRecord(value) ? value : {};
  const positive = (candidate: unknown, fallback: number): number => (typeof candidate === 'number' && candidate > 0 ? candidate : fallback);
  return {
    memoryLimitMegabytes: positive(given.memoryLimitMegabytes, defaultSettings.memoryLimitMegabytes),
    threads: Math.max(1, Math.floor(positive(given.threads, defaultSettings.threads))),
    cacheFolder: typeof given.cacheFolder === 'string' && given.cacheFolder !== '' ? given.cacheFolder : null,
    cacheMegabytes: positive(given.cacheMegabytes, defaultSettings.cacheMegabytes),
    rules: isRecord(given.rules) ? (given.rules as ServerSettings['rules']) : {},
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
