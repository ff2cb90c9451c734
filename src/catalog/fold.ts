/** Letters that Unicode does not take apart, as people write them where their keyboard lacks them. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ς: 'σ',
};
const FOLDED = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'g');

/**
 * A person's name as it is compared: without case, accents and width (PS3.4 C.2.2.2.1 allows both to be ignored),
 * so that "Müller" finds "MULLER", and without the empty components that may stand at the end of a group (PS3.5
 * 6.2.1.1). Wildcards and component signs (^ =) stay, and what is one character stays one, so that "?" is for it; but
 * for letters like ß and æ, which are written with two.
 */
export function fold(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(FOLDED, (letter) => PLAIN[letter]!)
    .replace(/\^+(?==|$)/g, '');
}
