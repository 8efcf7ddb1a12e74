import assert from 'node:assert/strict';
import { renderReport } from '../../../server/report/index.js';
import { displayWidth } from '../../../server/report/printable.js';
import { assertGolden } from '../../support/golden.js';
import { oddReports } from '../../support/oddReports.js';

/** The text of the long report would be long: its golden text stands for it at one width only. */
const widths = [80, 100, 120];

describe('text report', () => {
  for (const [name, report] of Object.entries(oddReports)) {
    it(`of ${name} is the golden text`, () => assertGolden(`${name}.txt`, renderReport('text', report())));

    it(`of ${name} fits its width, ends with one line feed and holds no control character`, () => {
      for (const width of widths) {
        const text = renderReport('text', report(), { width });
        assert.match(text, /[^\n]\n$/u);
        assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
        for (const line of text.split('\n')) {
          assert.ok(displayWidth(line) <= width || !/ \S/u.test(line.trim()), `wider than ${width}: ${line}`);
          assert.equal(line, line.trimEnd(), 'no spaces at the end of a line');
        }
      }
    });
  }

  it('at 80 columns is the golden text', () => assertGolden('small-classifier-80.txt', renderReport('text', oddReports['small-classifier'](), { width: 80 })));
  it('at 120 columns is the golden text', () => assertGolden('small-classifier-120.txt', renderReport('text', oddReports['small-classifier'](), { width: 120 })));

  it('of Jacobians at 80 columns is the golden text', () => assertGolden('jacobians-80.txt', renderReport('text', oddReports.jacobians(), { width: 80 })));

  it('begins with the answer', () => {
    assert.match(renderReport('text', oddReports['small-classifier']()), /^Nothing is broken; 2 of 5 layers have dead units\. /u);
    assert.match(renderReport('text', oddReports.troubled()), /^1 of 7 layers is broken: encoder\.q holds NaN or infinity\. /u);
    assert.match(renderReport('text', oddReports['jacobians-synthetic']()), /^The network stretches its inputs at most ≈ 3\.452-fold \(input 4\); median ≈ 1\.726\. /u);
    assert.match(renderReport('text', oddReports['jacobians-withheld']()), /^The Jacobians of this model are withheld\. /u);
    assert.match(renderReport('text', oddReports['jacobians-refused']()), /\n\nJacobians\n {2}There are no Jacobians\. DFT has no derivative rule\.\n/u);
    assert.match(renderReport('text', oddReports['cut-off']()), /^Timed out after 2 of 5 layers\. What was done is exact/u);
  });
});

describe('markdown report', () => {
  for (const name of ['small-classifier', 'troubled', 'hostile', 'jacobians', 'jacobians-synthetic', 'jacobians-withheld'] as const) {
    it(`of ${name} is the golden text`, () => assertGolden(`${name}.md`, renderReport('markdown', oddReports[name]())));
  }

  it('stays below the length of a comment on GitHub', () => {
    for (const report of Object.values(oddReports)) assert.ok(renderReport('markdown', report()).length < 65_536);
  });
});
