/**
 * Visible texts. English is the key: `t('{0} layers', 8)`. The host hands over a table from English to the
 * editor's language; the first argument is always a literal, so that `tools/l10n.mjs` can list them.
 */
let table: Readonly<Record<string, string>> = {};

/** Sets the localised texts, by their English text; a text without an entry stays English. */
export function setStrings(strings: Readonly<Record<string, string>>): void {
  table = strings;
}

/** The localised text with {0}, {1} … replaced by the arguments. */
export function t(english: string, ...parts: (string | number)[]): string {
  const text = Object.hasOwn(table, english) ? table[english] : english;
  return text.replace(/\{(\d+)\}/g, (whole, digits: string) => {
    const index = Number(digits);
    return index < parts.length ? String(parts[index]) : whole;
  });
}
