import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inputsCandidate } from '../../../server/inputs/candidates.js';
import { openNpz } from '../../../server/inputs/npz.js';
import { withInputFile } from '../../../server/inputs/inputFile.js';
import { inFolder, npyBytes } from '../../support/inputs.js';

const picture = { name: 'image', shape: ['n', 1, 16, 16] };
const samples = (name: string): string => path.resolve('samples', 'inputs', name);

describe('files that may hold inputs', () => {
  it('are judged by the arrays of an archive, and by their labels', async () => {
    assert.deepEqual(await inputsCandidate(samples('clean.npz'), picture), { file: samples('clean.npz'), content: 'x uint8 [200, 1, 16, 16], with labels y', fits: true });
    assert.deepEqual(await inputsCandidate(samples('logits.npz'), picture), { file: `${samples('logits.npz')}#plain`, content: 'plain float32 [200, 10]', fits: false });
    assert.equal((await inputsCandidate(samples('logits.npz'), { name: 'regularised', shape: ['n', 10] }))?.file, samples('logits.npz'));
    const forms = await withInputFile(samples('clean.npz'), async (source) => await (await openNpz(source)).forms());
    assert.deepEqual(forms, [{ name: 'x', dtype: 'uint8', shape: [200, 1, 16, 16] }, { name: 'y', dtype: 'int64', shape: [200] }]);
  });

  it('are judged by the header of an array, the columns of a table, and the channels of pictures', () =>
    inFolder(async (folder) => {
      const at = (name: string): string => path.join(folder, name);
      writeFileSync(at('a.npy'), npyBytes('<f4', [2, 256], new Float32Array(512)));
      writeFileSync(at('plain.csv'), '1,2,3,4\n5,6,7,8\n');
      writeFileSync(at('titled.csv'), 'label;a;b;c;d\n0;1;2;3;4\n');
      mkdirSync(at('pictures'));
      const fits = async (name: string, shape: (number | string | null)[] | null): Promise<unknown> => (await inputsCandidate(at(name), { name: 'x', shape }))?.fits;
      assert.deepEqual(await inputsCandidate(at('a.npy'), picture), { file: at('a.npy'), content: 'float32 [2, 256]', fits: true });
      assert.equal(await fits('a.npy', ['n', 255]), false);
      assert.equal(await fits('a.npy', ['n', 'length', 64]), true);
      assert.equal(await fits('a.npy', null), true);
      assert.equal(await fits('plain.csv', [1, 4]), true);
      assert.equal(await fits('plain.csv', [1, 3]), true);
      assert.equal(await fits('plain.csv', [1, 5]), false);
      assert.equal(await fits('titled.csv', [1, 4]), true);
      assert.equal(await fits('pictures', ['n', 3, 32, 32]), true);
      assert.equal(await fits('pictures', ['n', 7, 32, 32]), false);
      assert.equal(await fits('pictures', ['n', 3072]), false);
    }));

  it('are none where nothing can be read', () =>
    inFolder(async (folder) => {
      const broken = path.join(folder, 'broken.npz');
      writeFileSync(broken, Buffer.from('PK\u0003\u0004 and no more'));
      const binary = path.join(folder, 'binary.csv');
      writeFileSync(binary, Uint8Array.of(0, 1, 2));
      writeFileSync(path.join(folder, 'empty.npy'), '');
      for (const file of [broken, binary, path.join(folder, 'empty.npy'), path.join(folder, 'none')]) assert.equal(await inputsCandidate(file, picture), null, file);
    }));
});
