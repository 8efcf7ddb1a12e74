import assert from 'node:assert/strict';
import { analyzeLayer, type WeightResult } from '../../../server/analyses/weights/analyzeLayer.js';
import { sliceGeometry } from '../../../server/analyses/weights/weightWatcher.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import type { Layer } from '../../../server/model/model.js';
import { weightWatcherColumns, type WeightWatcherRow } from '../../../server/report/weightWatcherRow.js';
import { assertClose, convolutionLayer, denseLayer, references } from './support.js';

async function rowOf(layer: Layer): Promise<WeightResult['weightWatcher']> {
  const settings = { operator: 'none', seed: 0, memoryLimitBytes: 1e9, weightWatcher: true } as const;
  return (await analyzeLayer(layer, settings, await MatrixWorkspace.create(), {})).weightWatcher;
}

function assertRow(row: WeightWatcherRow | null, expected: Readonly<Record<string, string | number>>): void {
  assert.ok(row !== null);
  for (const [column, value] of Object.entries(expected)) {
    const actual: unknown = row[column as keyof WeightWatcherRow];
    if (typeof value === 'string') assert.equal(actual, value, column);
    else assertClose(actual as number, value, 1e-8, column === 'sv_min' ? 1e-12 : 0);
  }
}

describe('WeightWatcher columns', () => {
  it('of a dense layer agree with numpy', async () => {
    const { matrix, row: expected } = references.peer.dense;
    const actual = await rowOf(denseLayer('fc', 40, 25, matrix.flat(), { dtype: 'float64' }));
    assertRow(actual, expected);
    assert.deepEqual(Object.keys(actual ?? {}).sort(), [...weightWatcherColumns].sort());
    assert.equal(actual?.layer_type, 'dense');
    assert.equal(actual.status, 'success');
  });

  it('of a convolution pool the halved slices', async () => {
    const { kernel, row } = references.peer.convolution;
    assertRow(await rowOf(convolutionLayer('conv', [12, 5, 3, 2], kernel.flat(3))), row);
  });

  it('of a transposed convolution are those of its stored slices', async () => {
    const { kernel, row } = references.peer.convolution;
    // The stored tensor is [in 12, out 5, 3, 2]; the analysed matrix has the outputs as rows.
    const values = [0, 1, 2, 3, 4].flatMap((output) => kernel.flatMap((input) => input[output].flat()));
    const layer = convolutionLayer('up', [5, 12, 3, 2], values);
    assert.ok(layer.convolution !== null);
    assertRow(await rowOf({ ...layer, kind: 'convolutionTranspose', convolution: { ...layer.convolution, transposed: true } }), row);
  });

  it('keep N ≥ M for even kernels, which the peer does not', async () => {
    const row = await rowOf(convolutionLayer('conv', [8, 16, 2, 2], Array.from({ length: 512 }, (_, i) => Math.sin(i * i))));
    assert.equal(row?.N, 16);
    assert.equal(row.M, 8);
    assert.equal(row.num_evals, 32);
  });

  it('do not exist where the peer lists nothing', () => {
    const dense = (rows: number, columns: number): Layer => denseLayer('fc', rows, columns, []);
    assert.equal(sliceGeometry(dense(9, 100)), null);
    assert.notEqual(sliceGeometry(dense(10, 50_000)), null);
    assert.equal(sliceGeometry(dense(10, 50_001)), null);
    assert.equal(sliceGeometry(dense(15_001, 15_001)), null);
    assert.equal(sliceGeometry(convolutionLayer('conv', [8, 16, 3], new Array<number>(384).fill(0))), null);
    assert.notEqual(sliceGeometry(convolutionLayer('conv', [8, 2, 3, 3], new Array<number>(144).fill(0), 4)), null);
  });

  it('say "failed", with empty cells, where nothing can be fitted', async () => {
    const row = await rowOf(denseLayer('fc', 12, 12, new Array<number>(144).fill(0)));
    assert.equal(row?.status, 'failed');
    assert.equal(row.alpha, null);
    assert.equal(row.log_norm, null);
    assert.equal(row.warning, '');
  });
});
