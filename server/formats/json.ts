/** A JSON object as it was parsed; every member still has to be checked. */
export type JsonObject = Record<string, unknown>;

/** Whether a parsed value is an object (not null, not an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first member name that an object of a JSON text repeats, or null: JSON.parse silently keeps the last one.
 * @param text valid JSON (JSON.parse has accepted it)
 * @param depth objects nested deeper than this are not looked at
 */
export function repeatedName(text: string, depth: number): string | null {
  const levels: (Set<string> | null)[] = [];
  let nesting = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x7b || character === 0x5b) {
      nesting += 1;
      if (nesting <= depth) levels.push(character === 0x7b ? new Set() : null);
    } else if (character === 0x7d || character === 0x5d) {
      if (nesting <= depth) levels.pop();
      nesting -= 1;
    } else if (character === 0x22) {
      const start = at;
      for (at++; text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
      const names = nesting === levels.length ? levels.at(-1) : null;
      if (names && isFollowedByColon(text, at + 1)) {
        const name = JSON.parse(text.slice(start, at + 1)) as string;
        if (names.has(name)) return name;
        names.add(name);
      }
    }
  }
  return null;
}

function isFollowedByColon(text: string, at: number): boolean {
  for (; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x3a) return true;
    if (character !== 0x20 && character !== 0x0a && character !== 0x0d && character !== 0x09) return false;
  }
  return false;
}
