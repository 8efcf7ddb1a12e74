import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { csvColumns, renderCsv } from '../../../server/report/render/csv.js';
import { csvCell, csvTable } from '../../../server/report/render/csvCells.js';
import { renderWeightWatcher } from '../../../server/report/render/weightWatcher.js';
import type { SchemaNode } from '../../../server/report/validate.js';
import { weightWatcherColumns, type WeightWatcherRow } from '../../../server/report/weightWatcherRow.js';
import { hostile, hostileNames, oddReports, smallClassifier, troubled } from '../../support/oddReports.js';

/** Reads RFC 4180: an independent reader, character by character. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (character === '"' && cell === '') quoted = true;
    else if (character === ',' || character === '\n') {
      rows[rows.length - 1].push(cell);
      cell = '';
      if (character === '\n') rows.push([]);
    } else cell += character;
  }
  assert.equal(quoted, false);
  return rows.slice(0, -1);
}

describe('csv', () => {
  it('quotes so that every text reads back, with an apostrophe before what a spreadsheet would run', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (rows) => {
        const read = readCsv(csvTable(['a', 'b'], rows)).slice(1);
        assert.deepEqual(read, rows.map((row) => row.map((cell) => (/^[=+\-@\t\r\n]/u.test(cell) ? `'${cell}` : cell))));
      }),
    );
  });

  it('starts no cell of a hostile name with a formula', () => {
    const rows = readCsv(renderCsv(hostile()));
    assert.deepEqual(rows.slice(1).map((row) => row[0]), hostileNames.map((name) => (name.startsWith('=') ? `'${name}` : name)));
    for (const cell of rows.flat()) assert.doesNotMatch(cell, /^[=+@\t\r]/u);
  });

  it('writes numbers in full precision and nothing for null', () => {
    assert.equal(csvCell(0.1 + 0.2), '0.30000000000000004');
    assert.equal(csvCell(-1e-300), '-1e-300');
    assert.equal(csvCell(null), '');
    assert.equal(csvCell(false), 'false');
    assert.equal(csvCell(' x'), '" x"');
    assert.equal(csvCell('-3'), "'-3");
  });

  it('has one row per layer and the same cells in each', () => {
    const rows = readCsv(renderCsv(troubled()));
    assert.equal(rows.length, 8);
    for (const row of rows) assert.equal(row.length, csvColumns.length);
    const of = (row: number, column: string): string => rows[row][csvColumns.indexOf(column)];
    assert.equal(of(1, 'metrics.spectralNorm'), '');
    assert.equal(of(1, 'health.nonFinite.firstIndex'), '1204');
    assert.equal(of(2, 'metrics.spectralNorm'), '0');
    assert.equal(of(3, 'metrics.conditionNumber'), 'Infinity');
    assert.equal(of(4, 'findings'), 'weights/noise-like');
    assert.equal(of(6, 'findings'), '', 'a silenced finding is none');
    assert.equal(of(6, 'health.duplicateOf'), 'decoder.mid');
  });

  it('holds the operator spectra by convention', () => {
    const rows = readCsv(renderCsv(smallClassifier()));
    const at = (column: string): string => rows[1][csvColumns.indexOf(column)];
    assert.deepEqual([at('operatorSpectra.circular.inputSize'), at('operatorSpectra.circular.largest'), at('operatorSpectra.declared.smallest')], ['32 32', '2.911', '']);
  });

  it('has the columns of Jacobians behind the others where the report has them', () => {
    const report = oddReports.jacobians();
    const [titles, ...rows] = readCsv(renderCsv(report));
    const at = (row: number, column: string): string => rows[row][titles.indexOf(column)];
    assert.deepEqual(titles.slice(0, csvColumns.length), csvColumns);
    assert.ok(titles.slice(csvColumns.length).every((title) => title.startsWith('jacobian.')));
    assert.deepEqual(rows.map((row) => row[0]), ['conv1', 'fc1', 'head'], 'one row per layer');
    assert.deepEqual([at(1, 'jacobian.inputToLayer.median'), at(1, 'jacobian.bound'), at(1, 'jacobian.localFrom'), at(1, 'jacobian.saturation.share')], ['2866', '5790', 'blocks.0.attention.projection.output', '0.8125']);
    assert.deepEqual([at(1, 'jacobian.inputToLayer.largest'), at(1, 'jacobian.truth'), at(1, 'findings')], ['5732', '5732', 'jacobian/saturated']);
    assert.deepEqual([at(2, 'jacobian.bound'), at(2, 'jacobian.boundReason'), at(2, 'jacobian.saturation.share')], ['', 'Softmax has no Lipschitz constant here.', '']);
  });

  it('has rows of Jacobians alone where there is nothing else', () => {
    const [titles, ...rows] = readCsv(renderCsv(oddReports['jacobians-synthetic']()));
    const column = (name: string): string[] => rows.map((row) => row[titles.indexOf(name)]);
    assert.deepEqual([titles[0], titles.at(-1), column('id')], ['id', 'findings', ['embed', 'fc', 'broken']]);
    assert.deepEqual(column('jacobian.call'), ['0', '0', '0'], 'of a layer that is used twice the first use');
    assert.deepEqual(column('jacobian.inputToLayer.median'), ['1.1', '1.7', '']);
    assert.deepEqual(column('jacobian.inputToLayer.effectiveRank')[0], '', 'an estimate knows not all values');
    assert.deepEqual(column('findings'), ['jacobian/vanishing', 'jacobian/saturated', '']);
    assert.equal(renderCsv(oddReports['jacobians-withheld']()), `${titles.join(',')}\n`);
  });

  it('has the single-valued fields of a layer in the order of the schema', () => {
    const schema = JSON.parse(readFileSync('server/report/report.schema.json', 'utf8')) as { definitions: Record<string, SchemaNode> };
    const names = flat({ $ref: '#/definitions/LayerReport' }, schema.definitions, '').filter((name) => !name.startsWith('operatorSpectra') && name !== 'spectrum.singularValues');
    assert.deepEqual(csvColumns.filter((name) => !name.startsWith('operatorSpectra')), names);
  });
});

/** Dotted names of the leaves of a schema node; arrays are leaves. */
function flat(node: SchemaNode, definitions: Record<string, SchemaNode>, name: string): string[] {
  if (node.$ref !== undefined) return flat(definitions[node.$ref.split('/').at(-1) ?? ''], definitions, name);
  const object = node.anyOf?.find((branch) => branch.$ref !== undefined || branch.properties !== undefined);
  if (object !== undefined) return flat(object, definitions, name);
  if (node.properties === undefined) return [name];
  return Object.entries(node.properties).flatMap(([key, child]) => flat(child, definitions, name === '' ? key : `${name}.${key}`));
}

describe('weightwatcher table', () => {
  const row: WeightWatcherRow = {
    layer_id: 2, name: 'fc', D: 0.123456789012345, M: 10, N: 100, Q: 10, alpha: 2.5, alpha_weighted: 1.25, entropy: 0.9, has_esd: true, lambda_max: 3, layer_type: 'dense',
    log_alpha_norm: 1, log_norm: 2, log_spectral_norm: 0.5, longname: 'model.fc', matrix_rank: 10, norm: 5, num_evals: 10, num_pl_spikes: 4, rank_loss: 0, rf: 1, sigma: 0.5,
    spectral_norm: 3, stable_rank: 1.7, status: 'success', sv_max: 1.7, sv_min: 0.1, warning: '', weak_rank_loss: 0, xmax: 3, xmin: 0.2,
  };

  it('has the columns of the peer in its order', () => {
    const expected = 'layer_id,name,D,M,N,Q,alpha,alpha_weighted,entropy,has_esd,lambda_max,layer_type,log_alpha_norm,log_norm,log_spectral_norm,longname,matrix_rank,norm,num_evals,num_pl_spikes,rank_loss,rf,sigma,spectral_norm,stable_rank,status,sv_max,sv_min,warning,weak_rank_loss,xmax,xmin';
    assert.equal(weightWatcherColumns.join(','), expected);
    assert.deepEqual(new Set(weightWatcherColumns), new Set(Object.keys(row)));
    assert.equal(renderWeightWatcher([]), `${expected}\n`);
  });

  it('writes full precision, Python’s booleans and empty cells for what a failed fit has not', () => {
    const [, first, second] = readCsv(renderWeightWatcher([row, { ...row, alpha: null, D: null, status: 'failed' }]));
    assert.equal(first[2], '0.123456789012345');
    assert.equal(first[9], 'True');
    assert.deepEqual([second[2], second[6], second[25]], ['', '', 'failed']);
  });
});
