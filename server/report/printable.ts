/**
 * Names from model files as text for a terminal. A tensor may be called anything: control characters could move
 * the cursor or colour the screen, and direction marks could reorder a line, so they are written out.
 */

/** Columns of the ellipsis and of the replacement for what cannot be shown. */
const ellipsis = '…';

/** Code points that change the terminal or the order of the text instead of showing something. */
function isUnprintable(codePoint: number): boolean {
  return (
    codePoint < 0x20 ||
    (codePoint >= 0x7f && codePoint <= 0x9f) ||
    codePoint === 0x061c ||
    (codePoint >= 0x200b && codePoint <= 0x200f) ||
    (codePoint >= 0x2028 && codePoint <= 0x202e) ||
    (codePoint >= 0x2060 && codePoint <= 0x2069) ||
    codePoint === 0xfeff ||
    (codePoint >= 0xd800 && codePoint <= 0xdfff)
  );
}

/** The text with every control and direction character written as `\u{…}`. */
export function printable(text: string): string {
  let result = '';
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    result += isUnprintable(codePoint) ? `\\u{${codePoint.toString(16)}}` : character;
  }
  return result;
}

/** A name for a terminal; one without any character would leave a hole. */
export function printableName(name: string): string {
  return name === '' ? '(no name)' : printable(name);
}

/** Ranges of East Asian Wide and Fullwidth characters and of pictographs (Unicode 15, UAX 11), which take two columns. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];
/** One column a character: nearly every name and number. */
const plainText = /^[\x20-\x7e]*$/u;
const combining = /^\p{M}$/u;

function columns(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint < 0x300) return 1;
  if (combining.test(character)) return 0;
  return wideRanges.some(([from, to]) => codePoint >= from && codePoint <= to) ? 2 : 1;
}

/** Columns that the text takes in a terminal. */
export function displayWidth(text: string): number {
  if (plainText.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columns(character);
  return width;
}

/** At most `width` columns, cut on the left: the tail of a layer's name tells layers apart. */
export function cutLeft(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const characters = Array.from(text);
  let kept = '';
  let used = 1;
  for (let i = characters.length - 1; i >= 0; i--) {
    used += columns(characters[i]);
    if (used > width) break;
    kept = characters[i] + kept;
  }
  return ellipsis + kept;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** Keeps `1.433 × 10⁵` on one line while the text is cut into words. */
const gluedTimes = '\u00a0×\u00a0';

/**
 * Lines of at most `width` columns, broken at spaces only; a longer word stands on a line of its own. The thin and the
 * no-break spaces inside numbers do not break.
 *
 * @param indent put before every line, counted in `width`
 * @param hanging put before every line but the first instead
 */
export function wrap(text: string, width: number, indent = '', hanging = indent): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.replaceAll(' × ', gluedTimes).split(' ')) {
    const word = part.replaceAll(gluedTimes, ' × ');
    const longer = line === '' ? word : `${line} ${word}`;
    const margin = lines.length === 0 ? indent : hanging;
    if (line !== '' && displayWidth(margin + longer) > width) {
      lines.push(margin + line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== '') lines.push((lines.length === 0 ? indent : hanging) + line);
  return lines;
}
