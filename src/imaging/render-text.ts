/**
 * Letters of 5 x 7 dots, drawn as an SVG path: fonts of the machine would make the picture depend on it, and a machine
 * without fonts would leave the text out without a word. A row is a digit of base 32, its highest bit on the left.
 */
const GLYPHS =
  '0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid c480000 2488842 8422248 04lel40 044v440 0000c48 000v000 ' +
  '00000cc 01248g0 ehjlphe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0cc0cc0 0cc0c48 ' +
  '248g842 00v0v00 8421248 eh12404 eh1dlle ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e ' +
  '72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla ' +
  'hha4ahh hhha444 v1248gv e88888e 0g84210 e22222e 4ah0000 000000v 8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge ' +
  '698s888 0fhhf1e ggmphhh 40c444e 20622ic ggikoki c44444e 00qllhh 00mphhh 00ehhhe 00uhugg 00djf11 00mpggg 00ege1u ' +
  '88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhf1e 00v248v 2448442 4444444 8442448 008l200';

const ROWS = GLYPHS.split(' ');
/** What has no letter here is seen to be one that is not. */
const UNKNOWN = 'vhhhhhv';

export const LETTER_WIDTH = 6;
export const LINE_HEIGHT = 9;

/** Text as letters that there are: accents are taken off. */
function lettersOf(line: string): string[] {
  const plain = line.normalize('NFD').replace(/\p{Mn}/gu, '');
  return Array.from(plain, (letter) => ROWS[(letter.codePointAt(0) ?? 0) - 0x20] ?? UNKNOWN);
}

/** Width of a line in dots. */
export function textWidth(line: string): number {
  return lettersOf(line).length * LETTER_WIDTH;
}

/** The dots of some lines as path data of an SVG, from their upper left corner on; `dot` is the size of one in pixels. */
export function textPath(
  lines: readonly string[],
  { x, y, dot }: { readonly x: number; readonly y: number; readonly dot: number },
): string {
  const path: string[] = [];
  for (const [lineAt, line] of lines.entries()) {
    for (const [letterAt, glyph] of lettersOf(line).entries()) {
      for (let row = 0; row < glyph.length; row++) {
        const bits = Number.parseInt(glyph[row]!, 32);
        for (let column = 0; column < 5; column++) {
          if (((bits >> (4 - column)) & 1) === 0) continue;
          const left = x + (letterAt * LETTER_WIDTH + column) * dot;
          const top = y + (lineAt * LINE_HEIGHT + row) * dot;
          path.push(`M${round(left)} ${round(top)}h${dot}v${dot}h-${dot}z`);
        }
      }
    }
  }
  return path.join('');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
