import type { PetHeader } from './pet-header.ts';

export type SuvUnits = 'SUVbw' | 'SUVlbm' | 'SUVbsa';

type Body =
  | { readonly ok: true; readonly factor: number; readonly proof: string }
  | { readonly ok: false; readonly why: string };

/** What the activity is multiplied with: grams of body, of lean body, or cm² of surface. */
export function bodyFactor({ weight, size, sex }: PetHeader, wanted: SuvUnits): Body {
  if (!(weight !== undefined && weight > 0)) return { ok: false, why: "Patient's Weight (0010,1030) is absent" };
  if (weight > 650 || weight < 0.3) return { ok: false, why: "Patient's Weight (0010,1030) is not in kg" };
  if (wanted === 'SUVbw') return { ok: true, factor: weight * 1000, proof: `weight ${grams(weight)} g` };
  if (!(size !== undefined && size > 0)) return { ok: false, why: "Patient's Size (0010,1020) is absent" };
  if (size > 2.8 || size < 0.2) return { ok: false, why: "Patient's Size (0010,1020) is not in m" };
  const centimetres = size * 100;
  if (wanted === 'SUVbsa') {
    // Du Bois and Du Bois 1916, m² to cm².
    const surface = 0.007184 * weight ** 0.425 * centimetres ** 0.725 * 1e4;
    return { ok: true, factor: surface, proof: `surface ${surface.toFixed(0)} cm² (Du Bois)` };
  }
  if (sex !== 'M' && sex !== 'F') return { ok: false, why: "Patient's Sex (0010,0040) is neither M nor F" };
  // James 1976 with the corrected constant of the standard's code LBMJAMES128.
  const ratio = (weight / centimetres) ** 2;
  const lean = sex === 'M' ? 1.1 * weight - 128 * ratio : 1.07 * weight - 148 * ratio;
  if (!(lean > 0)) return { ok: false, why: 'the formula of James gives no lean body mass for such weight and size' };
  return { ok: true, factor: lean * 1000, proof: `lean body mass ${grams(lean)} g (James)` };
}

const grams = (kilograms: number): string => (kilograms * 1000).toFixed(0);
