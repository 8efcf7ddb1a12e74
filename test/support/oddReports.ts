import type { Finding, OperatorSpectrum, Report, Severity } from '../../server/report/report.js';
import type { WeightRuleId } from '../../server/report/rules.js';
import {
  constantText,
  deadRowsText,
  duplicateText,
  illConditionedText,
  noiseLikeText,
  nonFiniteText,
  outlierSpikeText,
  rankCollapsedText,
  zeroTensorText,
  type FindingText,
} from '../../server/report/weightTexts.js';
import { jacobianReports } from './stretchReports.js';
import { finding, geometric, layerOf, quarterCircle, reportOf } from './reports.js';

/** A finding with the very text that the rule writes. */
const named = (rule: WeightRuleId, severity: Severity, layer: string, text: FindingText, evidence: Finding['evidence'] = {}): Finding => finding(rule, severity, layer, text.title, text.message, evidence);

function operatorSpectrum(convention: OperatorSpectrum['convention'], largest: number, smallest: number | null, exact: boolean): OperatorSpectrum {
  return {
    convention,
    inputSize: [32, 32],
    count: 3072,
    largest,
    smallest,
    quantiles: smallest === null ? null : geometric(257, largest, smallest),
    exact,
    relativeError: exact ? 1e-13 : 2.1e-7,
  };
}

/** A classifier with dead units: what a newcomer sees first. */
export function smallClassifier(): Report {
  const dead = [...geometric(96, 2.343, 0.3956), 3.2e-5, 2.8e-5, 2.2e-5, 2e-5];
  return reportOf(
    [
      layerOf({ id: 'conv1', shape: [8, 3, 3, 3], values: geometric(8, 2.056, 0.61), operatorSpectra: [operatorSpectrum('circular', 2.911, 0.02134, true), operatorSpectrum('declared', 2.874, null, false)] }),
      layerOf({ id: 'layer1.0.conv1', shape: [16, 8, 3, 3], values: [...geometric(14, 1.778, 0.4), 2e-5, 1e-5], findings: [named('weights/dead-units', 'warning', 'layer1.0.conv1', deadRowsText('layer1.0.conv1', 2, 16, 3.203e-5, 0.712, 1e-3, 'convolution'), { count: 2, rows: [1, 12] })] }),
      layerOf({ id: 'layer1.0.shortcut.0', shape: [16, 8, 1, 1], values: geometric(8, 1.432, 0.5) }),
      layerOf({
        id: 'linear1',
        shape: [100, 1024],
        values: dead,
        alpha: { value: 2.76, xmin: dead[32] ** 2, ks: 0.13, tail: 33, sigma: 0.31 },
        findings: [
          named('weights/dead-units', 'warning', 'linear1', deadRowsText('linear1', 4, 100, 2.161e-5, 1.103, 1e-3, 'dense'), { count: 4, rows: [8, 16, 47, 50] }),
          named('weights/ill-conditioned', 'information', 'linear1', illConditionedText('linear1', 117_200, 5.923, 96, 100, 1e4)),
        ],
      }),
      layerOf({ id: 'linear2', shape: [10, 100], values: geometric(10, 2.43, 0.9), alpha: { value: 1.05, xmin: 0.81, ks: 0.21, tail: 10, sigma: 0.016 } }),
    ],
    {
      model: { path: 'models/resnet_2b.onnx', producer: 'pytorch 1.8', opset: { 'ai.onnx': 9 } },
      skipped: ['conv1.bias', 'linear1.bias', 'linear2.bias'].map((tensor) => ({ tensor, reason: `bias of ${tensor.split('.')[0]}` })),
      timings: { total: 0.34, read: 0.02, layers: [{ layer: 'conv1', seconds: 0.01, engine: 'wasm simd' }] },
    },
  );
}

/** Broken, empty, constant, noisy and collapsed layers beside each other. */
export function troubled(): Report {
  const spiked = [142, ...geometric(63, 23.2, 0.5)];
  return reportOf(
    [
      layerOf({ id: 'encoder.q', shape: [64, 64], values: null, health: { nonFinite: { count: 3, firstIndex: 1204 } }, findings: [named('weights/non-finite', 'error', 'encoder.q', nonFiniteText('encoder.q', 3, 1204), { count: 3, firstIndex: 1204 })] }),
      layerOf({ id: 'encoder.k', shape: [48, 48], values: new Array<number>(48).fill(0), health: { zeros: 2304, zeroRows: 48, zeroColumns: 48, constant: 0 }, findings: [named('weights/zero-tensor', 'warning', 'encoder.k', zeroTensorText('encoder.k', 2304))] }),
      layerOf({ id: 'encoder.v', shape: [20, 20], values: [0.2, ...new Array<number>(19).fill(0)], health: { constant: 0.01 }, findings: [named('weights/constant', 'warning', 'encoder.v', constantText('encoder.v', 0.01))] }),
      layerOf({
        id: 'decoder.in',
        shape: [64, 64],
        values: quarterCircle(64, 0.09),
        law: { sigma: 0.09, lambdaMinus: 0, lambdaPlus: 0.0324, spikes: 0, softRank: 1.01, ks: 0.04, pValue: 0.6 },
        findings: [named('weights/noise-like', 'information', 'decoder.in', noiseLikeText('decoder.in', 1.502, 0.04, 0.6, 0.01), { edge: 1.502, ks: 0.04, pValue: 0.6 })],
      }),
      layerOf({ id: 'decoder.mid', shape: [16, 16], values: [9.99, ...geometric(15, 0.2, 0.01)], findings: [named('weights/rank-collapsed', 'information', 'decoder.mid', rankCollapsedText('decoder.mid', 16, 0.9983, 0.99))] }),
      layerOf({ id: 'decoder.copy', shape: [16, 16], values: [9.99, ...geometric(15, 0.2, 0.01)], health: { duplicateOf: 'decoder.mid' }, findings: [{ ...named('weights/duplicate', 'information', 'decoder.copy', duplicateText('decoder.copy', 'decoder.mid')), silenced: 'tied on purpose' }] }),
      layerOf({ id: 'head', shape: [64, 128], values: spiked, findings: [named('weights/outlier-spike', 'information', 'head', outlierSpikeText('head', 142, 23.2, 14.5, { overSecond: 5, overEdge: 10 }))] }),
    ],
    { model: { path: 'C:\\models\\broken.safetensors', format: 'safetensors', producer: null, opset: null, function: null, inputs: [], outputs: [], sha256: null } },
  );
}

export function noLayers(): Report {
  return reportOf([], { model: { path: 'empty.onnx', bytes: 96, parameters: 0, producer: null } });
}

export function skippedOnly(): Report {
  return reportOf([], {
    model: { path: 'norms.safetensors', format: 'safetensors', bytes: 9_812, opset: null, producer: null },
    skipped: [
      ...Array.from({ length: 9 }, (_, i) => ({ tensor: `block.${i}.norm.weight`, reason: 'one axis: a bias or the scale of a normalisation' })),
      { tensor: 'position_ids', reason: 'int64 without a scale: indices, not weights' },
      { tensor: 'tokens', reason: 'int64 without a scale: indices, not weights' },
      { tensor: 'embedding.weight', layer: 'embedding', analysis: 'weights', reason: 'embedding (50\u2009257 × 768) needs 309 MB of memory and the limit is 256 MB; raise --max-memory.' },
      { tensor: 'head.weight', layer: 'head', analysis: 'weights', reason: 'head (50\u2009257 × 1\u2009024) needs 412 MB of memory and the limit is 256 MB; raise --max-memory.' },
    ],
  });
}

/** 300 blocks, one of which stands apart. */
export function manyLayers(): Report {
  return reportOf(
    Array.from({ length: 300 }, (_, i) => {
      const id = `base_net.blocks.${Math.floor(i / 3)}.attention.projection_of_the_${['query', 'key', 'value'][i % 3]}`;
      const top = i === 217 ? 35.97 : 2 + (i % 7) / 10;
      const values = geometric(64, top, top * (i % 50 === 0 ? 1e-5 : 1e-2));
      const findings = i % 50 === 0 ? [named('weights/ill-conditioned', 'information', id, illConditionedText(id, 1e5, 1e5, 64, 64, 1e4))] : [];
      return layerOf({ id, shape: [64, 256], values, findings });
    }),
    { model: { path: 'many.onnx', bytes: 19_660_800 } },
  );
}

/** Names that try to be something else: markup, formulas, terminal codes, right-to-left text, emoji, nothing. */
export const hostileNames: readonly string[] = [
  '</script><script>alert(1)</script>',
  '=HYPERLINK("http://example.com","x")',
  '\u001b[31mred\u001b[0m\r\nsecond line',
  '\u202Egnirts desrever\u202C',
  '層.重み.😀.查询',
  '__proto__',
  'a "quoted", name | with `ticks` & @someone <b>',
  `transformer.${'very.'.repeat(60)}deep`,
  '',
];

export function hostile(): Report {
  return reportOf(
    hostileNames.map((id) => layerOf({ id, shape: [4, 4], values: [4, 3, 2, 1], findings: [named('weights/duplicate', 'information', id, duplicateText(id, hostileNames[0]))] })),
    { model: { path: 'odd/<name> & co.onnx', producer: '<img src=x onerror=alert(1)>' }, skipped: hostileNames.map((tensor) => ({ tensor, reason: `holds "${tensor.slice(0, 12)}"` })) },
  );
}

export function cutOff(): Report {
  const whole = smallClassifier();
  return { ...whole, layers: whole.layers.slice(0, 2), findings: whole.findings.slice(0, 1), skipped: whole.layers.slice(2).map((layer) => ({ layer: layer.id, reason: 'not reached: --timeout 1 s' })), incomplete: { reason: 'timeout', layersDone: 2, layersTotal: 5 } };
}

/** Every odd report by the name of its golden text. */
export const oddReports: Readonly<Record<string, () => Report>> = {
  'small-classifier': smallClassifier,
  troubled,
  'no-layers': noLayers,
  'skipped-only': skippedOnly,
  'many-layers': manyLayers,
  hostile,
  'cut-off': cutOff,
  ...jacobianReports,
};
