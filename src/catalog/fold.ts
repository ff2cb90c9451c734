/**
 * A person's name as it is compared: without case, accents and width (PS3.4 C.2.2.2.1 allows both to be ignored),
 * so that "Müller" finds "MULLER", and without the empty components that may stand at the end of a group (PS3.5
 * 6.2.1.1). Wildcards and component signs (^ =) stay, and what is one character stays one, so that "?" is for it.
 */
export function fold(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/\^+(?==|$)/g, '');
}
