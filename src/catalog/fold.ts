/**
 * A person's name as it is compared: without case, accents and width (PS3.4 C.2.2.2.1 allows both to be ignored),
 * so that "Müller" finds "MULLER". Wildcards and component signs (^ =) stay.
 */
export function fold(name: string): string {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}
