import assert from 'node:assert/strict';
import { analyzeLayer } from '../../../server/analyses/weights/analyzeLayer.js';
import { CheckFailed } from '../../../server/linalg/dense/blockSingularValues.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { denseLayer } from './support.js';

const settings = { operator: 'none' as const, seed: 0, memoryLimitBytes: 1e9 };
const layer = denseLayer('fc', 3, 3, [0, 1, 2, 2, 2, 0, 0, 1, 2]);

/** A workspace that miscomputes the first `failures` matrices, as a broken processor would. */
async function failing(failures: number): Promise<{ workspace: MatrixWorkspace; routes: boolean[] }> {
  const workspace = await MatrixWorkspace.create();
  const original = workspace.singularValues.bind(workspace);
  const routes: boolean[] = [];
  workspace.singularValues = async (control, again) => {
    routes.push(again === true);
    const result = await original(control, again);
    if (routes.length <= failures) throw new CheckFailed('The singular values failed their check.');
    return result;
  };
  return { workspace, routes };
}

describe('a matrix whose singular values fail their check', () => {
  it('is read again and solved by another route', async () => {
    const { workspace, routes } = await failing(1);
    const { report } = await analyzeLayer(layer, settings, workspace, {});
    assert.deepEqual(routes, [false, true]);
    assert.ok(Math.abs((report.metrics?.spectralNorm ?? 0) - Math.sqrt(12)) < 1e-14);
  });

  it('has no numbers when they fail again', async () => {
    const { workspace, routes } = await failing(2);
    await assert.rejects(analyzeLayer(layer, settings, workspace, {}), CheckFailed);
    assert.equal(routes.length, 2);
  });
});
