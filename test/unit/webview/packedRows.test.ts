import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packRows } from '../../../extension/panels/transfer.js';
import type { LayerRow } from '../../../server/report/views.js';
import { unpackRows } from '../../../webview/unpackRows.js';

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const row: fc.Arbitrary<Omit<LayerRow, 'index'>> = fc.record({
  id: fc.string(),
  name: fc.string(),
  tensor: fc.string(),
  kind: fc.constantFrom('dense' as const, 'convolution' as const),
  shape: fc.array(fc.nat(), { maxLength: 5 }),
  matrixShape: fc.tuple(fc.nat(), fc.nat()),
  groups: fc.nat(),
  dtype: fc.constantFrom('float32', 'bfloat16'),
  parameters: fc.nat(),
  state: fc.constantFrom('pending' as const, 'done' as const),
  reason: fc.option(fc.string()),
  severity: fc.option(fc.constantFrom('error' as const, 'hint' as const)),
  findings: fc.nat(),
  spectralNorm: fc.option(number),
  energyRank90: fc.option(fc.nat()),
  fullRank: fc.nat(),
  stableRank: fc.option(number),
  conditionNumber: fc.option(fc.oneof(number, fc.constant('Infinity' as const))),
  alpha: fc.option(number),
  alphaLoose: fc.boolean(),
  marchenkoPasturPValue: fc.option(number),
  cartan: fc.option(number),
  sparkline: fc.option(fc.array(number)),
});

describe('packed rows', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 6 }), fc.boolean(), (made, sameNames) => {
        const rows = made.map((each, index) => ({ ...each, index, ...(sameNames ? { tensor: each.name } : {}) }));
        assert.deepEqual(unpackRows(packRows(rows)), rows);
      }),
    );
  });

  it('say once what all rows share', () => {
    const [first] = fc.sample(row, { numRuns: 1, seed: 1 });
    const name = 'model.layers.7.mlp.up_proj.weight';
    const rows = Array.from({ length: 1000 }, (_, index) => ({ ...first, index, id: name, name, tensor: name, shape: [2, 3], matrixShape: [2, 3] as [number, number], sparkline: null }));
    assert.ok(packRows(rows).length < 25_000, `${packRows(rows).length} bytes`);
  });
});
