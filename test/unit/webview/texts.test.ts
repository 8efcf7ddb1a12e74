import assert from 'node:assert/strict';
import { commandOf, isEcho, isTyping } from '../../../webview/keyboard.js';
import { commonEnding, reasonKind, rowMessage, withoutLayer } from '../../../webview/prose.js';
import { setStrings, t } from '../../../webview/strings.js';

describe('webview texts', () => {
  afterEach(() => setStrings({}));

  it('fills places in and stays English without a translation', () => {
    assert.equal(t('{0} of {1} layers analysed.', 3, 8), '3 of 8 layers analysed.');
    assert.equal(t('{0} is {2}', 'a', 'b'), 'a is {2}');
    assert.equal(t('constructor'), 'constructor');
  });

  it('uses the translation, whose places may come in another order', () => {
    setStrings({ '{0} of {1} shown': '{1}: davon {0}' });
    assert.equal(t('{0} of {1} shown', 4, 8), '8: davon 4');
  });

  it('does not fill a place inside a filled-in name', () => {
    assert.equal(t('{0} and {1}', '{1}', 'x'), '{1} and x');
  });

  it('leaves out the layer that a message begins with', () => {
    assert.equal(withoutLayer('`fc1`: 4 rows are dead.', 'fc1'), '4 rows are dead.');
    assert.equal(withoutLayer('`fc1`: one direction of 16.', 'fc1'), 'One direction of 16.');
    assert.equal(withoutLayer('`fc1`: σ₁ 2.9 is large.', 'fc1'), 'σ₁ 2.9 is large.');
    assert.equal(withoutLayer('`fc1`: 4 rows are dead.', 'fc2'), '`fc1`: 4 rows are dead.');
    assert.equal(withoutLayer('`fc1`: 4 rows are dead.', undefined), '`fc1`: 4 rows are dead.');
  });

  it('begins a row without the name that stands before it', () => {
    assert.equal(rowMessage('`fc1` cannot be told from random: p 0.4.', 'fc1'), 'Cannot be told from random: p 0.4.');
    assert.equal(rowMessage('`fc1`: 4 rows are dead.', 'fc1'), '4 rows are dead.');
    assert.equal(rowMessage('Every weight of `fc1` is 0.', 'fc1'), 'Every weight of `fc1` is 0.');
    assert.equal(rowMessage('All is well.', undefined), 'All is well.');
  });

  it('finds the action that several messages share', () => {
    assert.equal(commonEnding(['κ 3.4 (limit 2). Look here.', 'κ 9.1 (limit 2). Look here.']), 'Look here.');
    assert.equal(commonEnding(['κ 3.4. Narrow to 3.', 'κ 9.1. Narrow to 4.']), '');
    assert.equal(commonEnding(['Look here.', 'Look here.']), '', 'nothing would be left of the rows');
    assert.equal(commonEnding(['κ 3.4. Look here.']), '');
  });

  it('groups reasons that differ in a name alone', () => {
    assert.equal(reasonKind('bias of layer1.0.conv1'), 'bias');
    assert.equal(reasonKind('bias of Gemm /fc1/Gemm'), 'bias');
    assert.equal(reasonKind('quantisation zero point of w'), 'quantisation zero point');
    assert.equal(reasonKind('one number (of Reshape, Add)'), 'one number (of Reshape, Add)');
    assert.equal(reasonKind('100 × 784 in float64 needs 627 kB; memoryLimit leaves 512 kB.'), '100 × 784 in float64 needs 627 kB; memoryLimit leaves 512 kB.');
  });
});

describe('webview keys', () => {
  const key = (name: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent => ({ key: name, altKey: false, ctrlKey: false, metaKey: false, target: null, ...more }) as KeyboardEvent;
  const fields = ['HTMLInputElement', 'HTMLTextAreaElement', 'HTMLSelectElement'] as const;
  /** Stands for an input element where there is no page. */
  class Field {
    readonly value = '';
  }

  before(() => {
    for (const name of fields) Reflect.set(globalThis, name, Field);
  });
  after(() => {
    for (const name of fields) Reflect.deleteProperty(globalThis, name);
  });

  it('mean the commands of the panel, and leave Ctrl, Cmd and text fields alone', () => {
    assert.equal(commandOf(key('2')), 'tab2');
    assert.equal(commandOf(key('ArrowDown', { altKey: true })), 'nextLayer');
    assert.equal(commandOf(key('N')), 'previousFinding');
    assert.equal(commandOf(key('t', { ctrlKey: true })), null);
    assert.equal(commandOf(key('t', { target: new Field() as unknown as EventTarget })), null);
    assert.equal(commandOf(key('Escape', { target: new Field() as unknown as EventTarget })), 'escape');
  });

  it('are text in a field, but for Esc, function keys and those with Ctrl, Alt or Cmd', () => {
    const target = new Field() as unknown as EventTarget;
    for (const name of ['n', '2', '/', 'Enter', 'ArrowLeft']) assert.equal(isTyping(key(name, { target })), true, name);
    for (const name of ['Escape', 'F1']) assert.equal(isTyping(key(name, { target })), false, name);
    assert.equal(isTyping(key('n', { target, ctrlKey: true })), false);
    assert.equal(isTyping(key('n')), false);
  });

  it('count once when the editor sends the same command for the same press', () => {
    assert.equal(isEcho('tableTwin', 'key', 1000), false);
    assert.equal(isEcho('tableTwin', 'editor', 1040), true);
    assert.equal(isEcho('tableTwin', 'editor', 3000), false);
    assert.equal(isEcho('filter', 'editor', 1040), false);
  });
});
