import { allKeywords } from '../dicom/dictionary.ts';
import { FACTS } from './fact-table.ts';

/** Further off than this it is not a slip of the pen. */
const FARTHEST = 3;
const LONGEST = 64;

let names: readonly { readonly name: string; readonly folded: string; readonly letters: Int8Array }[] | undefined;

/** The attribute or fact that is spelled most alike; undefined where none is near. */
export function nearestName(name: string): string | undefined {
  if (name.length > LONGEST) return undefined;
  names ??= [...FACTS.map((fact) => fact.name), ...allKeywords()].map((known) => {
    const folded = known.toLowerCase();
    return { name: known, folded, letters: lettersOf(folded) };
  });
  const wanted = name.toLowerCase();
  const letters = lettersOf(wanted);
  let best: string | undefined;
  let least = Math.min(FARTHEST, Math.ceil(name.length / 3)) + 1;
  for (const known of names) {
    if (Math.abs(known.folded.length - wanted.length) >= least) continue;
    // Letters that one has and the other has not: the distance is half of them at least. Most names end here.
    if (difference(known.letters, letters) >= 2 * least) continue;
    const far = distance(known.folded, wanted);
    if (far < least) [best, least] = [known.name, far];
  }
  return best;
}

function lettersOf(text: string): Int8Array {
  const letters = new Int8Array(27);
  for (let i = 0; i < text.length; i++) {
    const letter = text.charCodeAt(i) - 97;
    letters[letter >= 0 && letter < 26 ? letter : 26]! += 1;
  }
  return letters;
}

function difference(a: Int8Array, b: Int8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum;
}

/** Levenshtein's: letters put in, left out or replaced. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
