import type { PersonName } from './dataset.ts';

/** "Alphabetic=Ideographic=Phonetic" (PS3.5 Section 6.2.1.1) taken apart; empty groups are left out. */
export function personName(text: string): PersonName {
  const [alphabetic, ideographic, phonetic] = text.split('=');
  return {
    ...(alphabetic ? { Alphabetic: alphabetic } : {}),
    ...(ideographic ? { Ideographic: ideographic } : {}),
    ...(phonetic ? { Phonetic: phonetic } : {}),
  };
}

/** The groups of a person name joined by "=", without trailing empty groups (PS3.5 Section 6.2.1.1). */
export function personNameText(name: PersonName): string {
  const groups = [name.Alphabetic ?? '', name.Ideographic ?? '', name.Phonetic ?? ''];
  return groups.join('=').replace(/=+$/, '');
}
