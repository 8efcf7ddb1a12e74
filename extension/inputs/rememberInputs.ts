import path from 'node:path';
import * as vscode from 'vscode';
import { type InputsRequest } from '../../server/protocol.js';
import { readConfigurationFile, writeConfigurationFile } from '../panels/configurationFile.js';

/**
 * Writes the inputs of a model to a configuration, in place of an earlier entry for this very model, else before all
 * others: the first that matches holds. Paths below the configuration's folder are written relative to it.
 */
export async function rememberInputs(file: string, model: string, request: InputsRequest, samples: number | null): Promise<void> {
  const configuration = await readConfigurationFile(file);
  const { inputs = [] } = configuration;
  if (!Array.isArray(inputs)) throw new Error(vscode.l10n.t('“inputs” in {0} is not a list; correct it first, nothing was written.', file));
  const entry = inputsEntry(path.dirname(file), model, request, samples);
  const entries = inputs as { models?: unknown }[];
  const at = entries.findIndex(({ models }) => models === entry.models);
  await writeConfigurationFile(file, { ...configuration, inputs: at < 0 ? [entry, ...entries] : entries.with(at, entry) });
}

/** One entry of `inputs` in sigmascope.json; what holds by default is left out. */
export function inputsEntry(folder: string, model: string, { file, labels, preprocess, layout, range, resize }: InputsRequest, samples: number | null): { models: string } & Record<string, unknown> {
  const models = relative(folder, model);
  const [low, high] = (range ?? '').split(',').map(Number);
  return {
    // Compared as a name before it is read as a glob.
    models,
    file: relative(folder, file),
    ...(labels === null ? {} : { labels: relative(folder, labels) }),
    ...(preprocess === null ? {} : { preprocess }),
    ...(layout === null ? {} : { layout }),
    ...(range === null ? {} : { range: [low, high] }),
    ...(resize ? { resize } : {}),
    ...(samples === null ? {} : { samples }),
  };
}

/** From the folder where the file lies below it, with slashes on every system; else absolute. */
function relative(folder: string, file: string): string {
  const found = path.relative(folder, file);
  return found.startsWith('..') || path.isAbsolute(found) ? file : found.replaceAll(path.sep, '/');
}
