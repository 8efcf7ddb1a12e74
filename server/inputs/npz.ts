import path from 'node:path';
import { memorySource, type ByteSource } from '../formats/byteSource.js';
import { quote } from '../formats/sentences.js';
import { InputsError, type InputArray } from './inputArray.js';
import { LARGEST_ARRAY_BYTES } from './inputFile.js';
import { readNpy } from './npy.js';
import { zipMembers } from './zip.js';

/** Names in a sentence; an archive can hold thousands. */
const NAMES_SHOWN = 8;

/** An archive of arrays whose members are read when they are asked for. */
export interface Npz {
  /** In the archive's order, without `.npy`. */
  names: string[];
  /** @throws InputsError as readNpy does, `inputs/missing-array` for a name that is not there */
  read(name: string): Promise<InputArray>;
}

/**
 * Opens an .npz archive (zip of .npy members, stored or deflated). The source must stay open while members are read.
 * @param largest most bytes that one array may fill
 * @throws InputsError where it is no whole archive, or holds no array
 */
export async function openNpz(source: ByteSource, largest = LARGEST_ARRAY_BYTES): Promise<Npz> {
  const archive = path.basename(source.path);
  const arrays = new Map((await zipMembers(source)).filter((member) => member.name.endsWith('.npy')).map((member) => [member.name.slice(0, -'.npy'.length), member]));
  const names = [...arrays.keys()];
  if (names.length === 0) throw new InputsError('inputs/missing-array', `${archive} is a zip archive without any .npy member: write it with numpy.savez.`);
  return {
    names,
    read: async (name) => {
      const member = arrays.get(name);
      if (member === undefined) throw new InputsError('inputs/missing-array', `${archive} holds no array ${quote(name)}, but ${listNames(names)}: name one of them as ${archive}#${names[0]}.`);
      const title = `${quote(name)} in ${archive}`;
      // The member is the array and its header: somewhat more than the array alone may fill.
      return await readNpy(memorySource(await member.read(largest + 2 ** 16)), { name: title, largest });
    },
  };
}

/** 'a', 'b' and 3 more. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).map(quote).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
