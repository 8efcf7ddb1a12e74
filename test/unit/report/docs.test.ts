import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { helpText } from '../../../server/cli/help.js';
import { parseConfiguration } from '../../../server/configuration.js';
import { parseGate } from '../../../server/report/gates.js';
import { renderFormats } from '../../../server/report/index.js';
import { explodingText, saturatedText, vanishingText, type StretchBasis } from '../../../server/report/jacobianTexts.js';
import { ruleIds, rules, type RuleId } from '../../../server/report/rules.js';
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
} from '../../../server/report/weightTexts.js';
import { weightWatcherColumns } from '../../../server/report/weightWatcherRow.js';

const page = (...parts: string[]): string => readFileSync(path.join('docs', ...parts), 'utf8');
const rulePage = (rule: string): string => page('rules', `${rule}.md`);

/** Every Markdown page below docs/. */
function pages(folder = 'docs'): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    return entry.isDirectory() ? pages(at) : at.endsWith('.md') ? [at] : [];
  });
}

const at = (n: number, limit: number): StretchBasis => ({ n, synthetic: false, exact: true, limit });

/** What the rules write of the matrices that the pages make with numpy. */
const examples: Readonly<Record<RuleId, FindingText>> = {
  'weights/non-finite': nonFiniteText('head', 1, 6),
  'weights/zero-tensor': zeroTensorText('placeholder', 2304),
  'weights/dead-units': deadRowsText('narrow', 2, 8, 5.96498e-5, 5.68903, 1e-3, 'dense'),
  'weights/duplicate': duplicateText('b', 'a'),
  'weights/constant': constantText('flat', 0.01),
  'weights/noise-like': noiseLikeText('noise', 0.99981, 0.037, 0.16, 0.01),
  'weights/rank-collapsed': rankCollapsedText('collapsed', 32, 0.998788, 0.99),
  'weights/ill-conditioned': illConditionedText('steep', 100001.6, 100001.6, 16, 16, 1e4),
  'weights/outlier-spike': outlierSpikeText('spiked', 10.16714, 1.594828, 1.64, { overSecond: 5, overEdge: 10 }),
  'jacobian/exploding': explodingText('layer6', 1615.109, null, { layer: 'layer2', factor: 5.76867, behind: false }, at(100, 1e3)),
  'jacobian/vanishing': vanishingText('layer1', 1.9620565e-5, { layer: 'layer4', factor: 0.16776617, behind: false }, at(100, 1e-4)),
  'jacobian/saturated': saturatedText('hidden', 'Relu', 0.84675, at(500, 0.75)),
};

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string => heading.trim().toLowerCase().replace(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-');

describe('documentation', () => {
  for (const rule of Object.values(rules)) {
    it(`has a page for ${rule.id} with its severity and the values of its thresholds`, () => {
      assert.equal(rule.help, `docs/rules/${rule.id}.md`);
      const text = rulePage(rule.id);
      assert.ok(text.startsWith(`# ${rule.id}\n`));
      assert.ok(text.includes(`Severity: \`${rule.severity}\``));
      for (const [name, value] of Object.entries(rule.thresholds)) {
        assert.ok(text.includes(`| \`${name}\` | ${value} |`), `${rule.id} names ${name} with ${value}`);
      }
      const named = Array.from(text.matchAll(/^\| `(\w+)` \| [\d.]+ \|/gmu), ([, name]) => name);
      assert.deepEqual(named, Object.keys(rule.thresholds), 'no threshold that the rule does not have');
      for (const heading of ['What it means', 'The number and its limit', 'How it is computed', 'How sure', 'Example', 'What to do', 'When to silence it', 'Changing it', 'References']) {
        assert.ok(text.includes(`\n## ${heading}\n`), heading);
      }
      assert.ok(text.includes(`\n> ${examples[rule.id as RuleId].message.replaceAll('\u2009', ' ')}\n`), 'the example is what the rule writes');
    });
  }

  it('has no page for a rule that does not exist, and lists every rule with its severity', () => {
    const rooms = readdirSync(path.join('docs', 'rules'));
    assert.deepEqual(new Set(rooms.flatMap((room) => readdirSync(path.join('docs', 'rules', room)).map((file) => `${room}/${path.basename(file, '.md')}`))), new Set(ruleIds));
    const index = page('README.md');
    for (const rule of Object.values(rules)) assert.ok(index.includes(`| [${rule.id}](rules/${rule.id}.md) | ${rule.severity} |`), rule.id);
  });

  it('shows only configurations that can be read', () => {
    let seen = 0;
    for (const file of pages()) {
      for (const [, block] of readFileSync(file, 'utf8').matchAll(/```json\n(.*?)```/gsu)) {
        parseConfiguration(block, file).gates.forEach(parseGate);
        seen++;
      }
    }
    assert.ok(seen > ruleIds.length);
  });

  it('explains the gates, formats and options that exist, and no others', () => {
    const text = page('command-line.md');
    for (const [, gate] of text.matchAll(/--fail-on "?([^\s"`]+)/gu)) if (!gate.startsWith('RULE')) parseGate(gate);
    const options = (source: string): Set<string> => new Set(Array.from(source.matchAll(/--[a-z]+(?:-[a-z]+)*/gu), ([option]) => option));
    const offered = options(helpText('0'));
    for (const option of offered) assert.ok(options(text).has(option), `${option} is explained`);
    const foreign = new Set(['--ignore-scripts']);
    for (const option of options(text)) assert.ok(offered.has(option) || foreign.has(option), `${option} exists`);
    for (const format of renderFormats) assert.ok(text.includes(`\`${format}\``), format);
  });

  it('lists the columns of the WeightWatcher table', () => assert.ok(page('report.md').includes(`\`${weightWatcherColumns.join(', ')}\``)));

  it('has no link that leads nowhere', () => {
    for (const file of pages()) {
      for (const [, target] of readFileSync(file, 'utf8').matchAll(/\]\(([^)\s]+)\)/gu)) {
        if (/^https?:/u.test(target)) continue;
        const [relative, anchor] = target.split('#') as [string, string?];
        const at = relative === '' ? file : path.join(path.dirname(file), relative);
        assert.ok(existsSync(at), `${file} links to ${target}`);
        if (anchor === undefined) continue;
        const anchors = Array.from(readFileSync(at, 'utf8').matchAll(/^#+ (.*)$/gmu), ([, heading]) => anchorOf(heading));
        assert.ok(anchors.includes(anchor), `${file} links to ${target}: ${anchors.join(' ')}`);
      }
    }
  });

  it('explains every metric of the report', () => {
    const schema = JSON.parse(readFileSync(path.join('server', 'report', 'report.schema.json'), 'utf8')) as { definitions: Record<string, { properties?: Record<string, unknown> }> };
    const text = page('analyses', 'weights.md');
    for (const definition of ['Metrics', 'MarchenkoPasturFit', 'PowerLawCharts', 'Health']) {
      for (const name of Object.keys(schema.definitions[definition].properties ?? {})) assert.match(text, new RegExp(`\`${name}[\`.]`, 'u'), `${definition}.${name}`);
    }
    for (const name of Object.keys(schema.definitions.PowerLawFit.properties ?? {})) assert.ok(text.includes(`\`alpha.${name}\``), `alpha.${name}`);
    const jacobians = page('analyses', 'jacobians.md');
    for (const definition of ['JacobianReport', 'SelfCheck', 'JacobianSpectra', 'JacobianMeasures', 'SpectralDensity', 'LayerJacobians', 'Saturation', 'AttributionStability', 'InputsReport', 'InputItem']) {
      for (const name of Object.keys(schema.definitions[definition].properties ?? {})) assert.ok(jacobians.includes(`\`${name}\``), `${definition}.${name}`);
    }
    const convolutions = page('analyses', 'convolutions.md');
    for (const name of Object.keys(schema.definitions.OperatorSpectrum.properties ?? {})) assert.ok(convolutions.includes(`\`${name}\``), name);
  });
});
