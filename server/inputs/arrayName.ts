import { stat } from 'node:fs/promises';

/** A file, and the array of it that is meant: null where none is named. */
export interface NamedArray {
  path: string;
  array: string | null;
}

/** FILE.npz#NAME in its parts; a file whose own name has a # is taken as it is. */
export async function splitArrayName(text: string): Promise<NamedArray> {
  const at = text.lastIndexOf('#');
  if (at <= 0 || at === text.length - 1) return { path: text, array: null };
  const exists = await stat(text).then(
    () => true,
    () => false,
  );
  return exists ? { path: text, array: null } : { path: text.slice(0, at), array: text.slice(at + 1) };
}
