import assert from 'node:assert/strict';
import { overviewAnswer } from '../../../server/report/answer.js';
import { overviewOf, sparklineOf } from '../../../server/report/overview.js';
import type { Report } from '../../../server/report/report.js';
import type { OverviewState, ReportOverview } from '../../../server/report/views.js';
import { cutOff, hostile, manyLayers, noLayers, skippedOnly, smallClassifier, troubled } from '../../support/oddReports.js';
import { geometric, layerOf, reportOf } from '../../support/reports.js';

const overview = (report: Report, state: OverviewState = 'done'): ReportOverview => overviewOf(report, report.model.path, 'model', state);

describe('overviewOf', () => {
  it('has a row for every layer with the numbers of the report', () => {
    const rows = overview(smallClassifier()).rows;
    const { index, id, spectralNorm, energyRank90, fullRank, alpha, alphaLoose, severity, findings, state } = rows[3];
    assert.deepEqual({ index, id, spectralNorm, energyRank90, fullRank, alpha, alphaLoose, severity, findings, state }, { index: 3, id: 'linear1', spectralNorm: 2.343, energyRank90: 56, fullRank: 100, alpha: 2.76, alphaLoose: false, severity: 'warning', findings: 2, state: 'done' });
    assert.equal(rows[4].alphaLoose, true, 'a tail of 10 and a distance of 0.21 are loose');
    assert.equal(rows[0].alpha, null);
  });

  it('counts no silenced finding and keeps it in the list', () => {
    const view = overview(troubled());
    const copy = view.rows.find((row) => row.id === 'decoder.copy');
    assert.deepEqual([copy?.severity, copy?.findings], [null, 0]);
    assert.equal(view.findings.filter((finding) => finding.silenced !== undefined).length, 1);
    assert.match(view.answer.basis, /1 silenced finding not counted/u);
  });

  it('tells a broken layer from one that was passed over', () => {
    const report = reportOf([layerOf({ id: 'broken', shape: [4, 4], values: null, health: { nonFinite: { count: 1, firstIndex: 2 } } }), layerOf({ id: 'refused', shape: [4, 4], values: null })], { skipped: [{ layer: 'refused', reason: 'needs 9 GB' }] });
    assert.deepEqual(overview(report).rows.map((row) => [row.state, row.reason]), [['done', null], ['skipped', 'needs 9 GB']]);
  });
});

describe('sparkline', () => {
  it('has at most 24 values from 0 down to −4, with both ends', () => {
    const line = sparklineOf(geometric(1000, 10, 1e-9));
    assert.equal(line?.length, 24);
    assert.equal(line[0], 0);
    assert.equal(line[23], -4);
    assert.deepEqual(sparklineOf([2]), [0]);
    assert.deepEqual(sparklineOf([2, 0.02]), [0, -2]);
    assert.equal(sparklineOf([0, 0]), null);
    assert.equal(sparklineOf([]), null);
  });
});

describe('answer of the overview', () => {
  const line = (view: Omit<ReportOverview, 'answer'>): string => {
    const { verdict, rest } = overviewAnswer(view);
    return `${verdict} ${rest}`.trim();
  };

  it('says first what is wrong, and what is not', () => {
    assert.equal(line(overview(smallClassifier())), 'Nothing is broken; 2 of 5 layers have dead units. No layer was found to be noise, collapsed or duplicated.');
    assert.equal(line(overview(troubled())), '1 of 7 layers is broken: encoder.q holds NaN or infinity. 1 of 7 layers is all 0 and 1 has a single value everywhere.');
    assert.equal(line(overview(manyLayers())), 'base_net.blocks.72.attention.projection_of_the_key stands apart: σ₁ 35.97, 15.6 × the median layer. Nothing is broken in 300 layers. No layer was found to be noise, collapsed or duplicated.');
    assert.equal(line(overview(hostile())), 'Nothing is broken in 9 layers. Worth knowing: all 9 layers hold the bytes of another. No layer was found to be noise or collapsed.');
  });

  it('does not call a model sound whose layers are zero', () => {
    const report = troubled();
    report.findings = report.findings.filter((finding) => finding.severity !== 'error');
    assert.match(line(overview(report)), /^1 of 7 layers is all 0 and 1 has a single value everywhere\. /u);
  });

  it('says that there is nothing to say', () => {
    assert.equal(line(overview(noLayers())), 'There is no layer to analyse. The file holds no tensor.');
    assert.equal(line(overview(reportOf([], { skipped: [{ tensor: 'b', reason: 'a bias' }] }))), 'There is no layer to analyse. Its only tensor was passed over, for the reason given.');
    assert.equal(line(overview(skippedOnly())), '0 of 2 layers analysed; 2 skipped. Nothing can be said of the model; the reasons are listed.');
  });

  it('withholds the answer of an unfinished analysis', () => {
    const report = smallClassifier();
    assert.equal(line(overview(report, 'listed')), '5 layers and 104\u2009896 weights, not analysed yet.');
    const half = overview(report, 'running');
    half.rows = half.rows.map((row, i) => (i < 3 ? row : { ...row, state: 'pending' }));
    assert.equal(line(half), '3 of 5 layers analysed.');
    assert.equal(line({ ...half, state: 'cancelled' }), 'Cancelled after 3 of 5 layers. What was done is exact; the answer for the whole model is withheld.');
    assert.equal(overview(cutOff(), 'timeout').answer.verdict, 'Timed out after 2 of 5 layers.');
    const broken = overview(troubled(), 'failed');
    assert.match(line(broken), /^The analysis stopped after 7 of 7 layers\. 1 of 7 layers is broken: /u);
  });

  it('counts layers that were refused', () => {
    const report = smallClassifier();
    report.skipped.push({ layer: 'embedding', reason: 'needs 9 GB' }, { layer: 'conv1', operator: 'declared', reason: 'size unknown' });
    report.findings = [];
    assert.equal(line(overview(report)), '5 of 6 layers analysed; 1 skipped. Nothing is broken in these. No layer was found to be noise, collapsed or duplicated.');
  });

  it('marks numbers of an older file', () => assert.match(overview(smallClassifier(), 'stale').answer.basis, /^These numbers describe the earlier file\. /u));

  it('names rules of later versions by their id', () => {
    const report = smallClassifier();
    report.findings = [{ ...report.findings[0], rule: 'toString' }];
    assert.match(line(overview(report)), /1 of 5 layers is named by toString\./u);
  });
});
