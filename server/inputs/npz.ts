import path from 'node:path';
import { memorySource, type ByteSource } from '../formats/byteSource.js';
import { quote } from '../formats/sentences.js';
import { InputsError, type InputArray } from './inputArray.js';
import { LARGEST_ARRAY_BYTES } from './inputFile.js';
import { readNpy, readNpyForm } from './npy.js';
import { zipMembers } from './zip.js';

/** Names in a sentence; an archive can hold thousands. */
const NAMES_SHOWN = 8;

/** Bytes of a member that hold the header of a plain array, which has 128. */
const HEADER_BYTES = 4096;

/** An archive of arrays whose members are read when they are asked for. */
export interface Npz {
  /** In the archive's order, without `.npy`. */
  names: string[];
  /** @throws InputsError as readNpy does, `inputs/missing-array` for a name that is not there */
  read(name: string): Promise<InputArray>;
  /** Type and shape of every array, in the archive's order; arrays that are no plain numbers are left out. */
  forms(): Promise<ArrayForm[]>;
}

export interface ArrayForm extends Pick<InputArray, 'dtype' | 'shape'> {
  name: string;
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
    forms: async () => {
      const forms = await Promise.all([...arrays].map(async ([name, member]) => await readNpyForm(memorySource(await member.head(HEADER_BYTES)), name).then((form) => ({ name, ...form }), () => null)));
      return forms.filter((form) => form !== null);
    },
  };
}

/** 'a', 'b' and 3 more. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).map(quote).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
