import assert from 'node:assert/strict';
import path from 'node:path';
import { openModel, type LayerOutcome } from '../../../server/analyses/analyze.js';
import { assembleReport } from '../../../server/analyses/assemble.js';
import { analyzeLayer } from '../../../server/analyses/weights/analyzeLayer.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { renderReport } from '../../../server/report/index.js';
import type { OperatorMode, Report } from '../../../server/report/report.js';
import { parseReport } from '../../../server/report/validate.js';
import { assertGolden } from '../../support/golden.js';
import { assertValidReport } from '../../support/schema.js';
import { describeShared, sharedData } from '../../support/shared.js';

/** The report of a model as the programs put it together, without timings. */
async function analysed(file: string, operator: OperatorMode): Promise<Report> {
  const model = await openModel(file);
  const workspace = await MatrixWorkspace.create();
  const outcomes = new Map<string, LayerOutcome>();
  for (const layer of model.layers) outcomes.set(layer.id, { state: 'done', result: await analyzeLayer(layer, { operator, seed: 0, memoryLimitBytes: 1e9 }, workspace, {}) });
  const settings = { only: ['weights' as const], layers: null, seed: 0, operator };
  return assembleReport({ model, path: path.basename(file), sha256: null, settings, chosen: model.layers, outcomes, incomplete: null, rules: {}, silence: [] });
}

/** Routes and stated bounds may change with the algorithms and the machine; the digits shown do not. */
function withoutRoute(report: Report): Report {
  const bound = { exact: true, relativeError: 1e-13 };
  const layers = report.layers.map((layer) => ({
    ...layer,
    spectrum: layer.spectrum && { ...layer.spectrum, ...bound, method: 'two-stage' as const },
    ...(layer.operatorSpectra && { operatorSpectra: layer.operatorSpectra.map((spectrum) => ({ ...spectrum, ...bound })) }),
  }));
  return { ...report, layers };
}

describe('report of a real analysis', () => {
  for (const name of ['plain.onnx', 'plain.safetensors', 'regularised.onnx']) {
    it(`of the sample ${name} holds by the schema, reads back and is the golden text`, async () => {
      const report = await analysed(path.join('samples', 'models', name), 'norms');
      assertValidReport(report);
      const saved = renderReport('json', report);
      assert.equal(renderReport('json', parseReport(saved, name)), saved);
      assertGolden(`sample-${name}.txt`, renderReport('text', withoutRoute(report)));
    });
  }
});

describeShared('report of a real analysis of the shared model', () => {
  const models = [
    ['onnx_cifar', 'pgd_2_3_16.onnx'],
    ['onnx_cifar', 'resnet_2b.onnx'],
    ['ort_testdata', 'qdq_with_multi_consumer_dq_nodes.onnx'],
    ['ort_testdata', 'if_mul.onnx'],
    ['safetensors', 'multi_layer.safetensors'],
    ['safetensors', 'silero_vad_16k.safetensors'],
  ] as const;
  for (const [folder, name] of models) {
    it(`${name} holds by the schema and tells a role of tensors once`, async () => {
      const report = await analysed(sharedData(folder, name), 'none');
      assertValidReport(report);
      const text = renderReport('text', report);
      assert.ok((text.match(/^ {2}\d+ × bias/gmu) ?? []).length <= 1, text);
      assert.ok((text.match(/^ {2}\d+ × quantisation scale/gmu) ?? []).length <= 1, text);
    });
  }

  it('pgd_2_3_16.onnx: what is said of a noise-like layer with a spike agrees with the spike', async () => {
    const report = await analysed(sharedData('onnx_cifar', 'pgd_2_3_16.onnx'), 'none');
    const key = report.layers.find((layer) => layer.id === '1.1.0.fn.1.key');
    assert.equal(key?.metrics?.marchenkoPastur.spikes, 1);
    const [noise] = key.findings.filter(({ rule }) => rule === 'weights/noise-like');
    assert.ok(typeof noise.evidence.edge === 'number' && key.metrics.spectralNorm <= noise.evidence.edge);
  });
});
