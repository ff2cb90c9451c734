import type { ManifestCode } from '../model-manifest.ts';

/** What a class name alone says of a segment, by the codes of CID 7150 and the anatomy of PS3.16 Annex L. */
export interface NamedProperty {
  readonly category: ManifestCode;
  readonly type: ManifestCode;
  readonly modifier?: ManifestCode;
}

const ANATOMY: ManifestCode = { value: '91723000', scheme: 'SCT', meaning: 'Anatomical Structure' };
const ABNORMAL: ManifestCode = { value: '49755003', scheme: 'SCT', meaning: 'Morphologically Abnormal Structure' };
/** CID 244 */
const LEFT: ManifestCode = { value: '7771000', scheme: 'SCT', meaning: 'Left' };
const RIGHT: ManifestCode = { value: '24028007', scheme: 'SCT', meaning: 'Right' };

/** SNOMED CT code, its meaning, and the names by which models call it (lower case, words apart by one blank). */
const STRUCTURES: readonly (readonly [string, string, string])[] = [
  ['78961009', 'Spleen', 'spleen'],
  ['64033007', 'Kidney', 'kidney|kidneys'],
  ['28231008', 'Gallbladder', 'gallbladder|gall bladder'],
  ['10200004', 'Liver', 'liver'],
  ['69695003', 'Stomach', 'stomach'],
  ['15825003', 'Aorta', 'aorta'],
  ['64131007', 'Inferior vena cava', 'inferior vena cava|ivc|postcava'],
  ['48345005', 'Superior vena cava', 'superior vena cava|svc'],
  ['32764006', 'Portal vein', 'portal vein'],
  [
    '110765007',
    'Portal vein and splenic vein',
    'portal vein and splenic vein|portal and splenic veins|portal and splenic vein',
  ],
  ['8993003', 'Hepatic vein', 'hepatic vein'],
  ['15776009', 'Pancreas', 'pancreas'],
  ['23451007', 'Adrenal gland', 'adrenal gland|adrenal'],
  ['39607008', 'Lung', 'lung|lungs'],
  ['45653009', 'Upper lobe of lung', 'lung upper lobe|upper lobe'],
  ['90572001', 'Lower lobe of lung', 'lung lower lobe|lower lobe'],
  ['72481006', 'Middle lobe of right lung', '=lung middle lobe right|=right middle lobe|=right lung middle lobe'],
  ['44567001', 'Trachea', 'trachea'],
  ['32849002', 'Esophagus', 'esophagus|oesophagus'],
  ['80891009', 'Heart', 'heart'],
  ['74281007', 'Myocardium', 'heart myocardium|myocardium'],
  ['82471001', 'Left atrium', '=heart atrium left|=left atrium|=la'],
  ['73829009', 'Right atrium', '=heart atrium right|=right atrium'],
  ['87878005', 'Left ventricle', '=heart ventricle left|=left ventricle|=lv pool'],
  ['53085002', 'Right ventricle', '=heart ventricle right|=right ventricle|=rv pool'],
  ['76848001', 'Pericardium', 'pericardium'],
  ['81040000', 'Pulmonary artery', 'pulmonary artery'],
  ['10293006', 'Iliac artery', 'iliac artery'],
  ['244411005', 'Iliac vein', 'iliac vena|iliac vein'],
  ['51114001', 'Artery', 'artery|arteries'],
  ['29092000', 'Vein', 'vein|veins'],
  ['30315005', 'Small intestine', 'small bowel|small intestine'],
  ['38848004', 'Duodenum', 'duodenum'],
  ['71854001', 'Colon', 'colon'],
  ['34402009', 'Rectum', 'rectum'],
  ['89837001', 'Bladder', 'urinary bladder|bladder'],
  ['87953007', 'Ureter', 'ureter'],
  ['25990002', 'Renal pelvis', 'renal pelvis|pelvicalyceal system'],
  ['41216001', 'Prostate', 'prostate'],
  ['279706003', 'Peripheral zone of the prostate', 'peripheral zone'],
  ['399384005', 'Transition zone of the prostate', 'transition zone'],
  ['35039007', 'Uterus', 'uterus'],
  ['76752008', 'Breast', 'breast'],
  ['69748006', 'Thyroid', 'thyroid|thyroid gland'],
  ['45289007', 'Parotid gland', 'parotid|parotid gland'],
  ['54019009', 'Submandibular gland', 'submandibular gland'],
  ['9875009', 'Thymus', 'thymus'],
  ['12738006', 'Brain', 'brain'],
  ['119238007', 'Brain Stem', 'brain stem|brainstem'],
  ['113305005', 'Cerebellum', 'cerebellum'],
  ['389080008', 'White Matter', 'white matter'],
  ['389081007', 'Gray Matter', 'grey matter|gray matter'],
  ['5366008', 'Hippocampus', 'hippocampus'],
  ['4958002', 'Amygdala', 'amygdala'],
  ['89278009', 'Putamen', 'putamen'],
  ['11000004', 'Caudate Nucleus', 'caudate|caudate nucleus'],
  ['66720007', 'Lateral Ventricle', 'lateral ventricle'],
  ['2748008', 'Spinal cord', 'spinal cord'],
  ['81745001', 'Eye', 'eye'],
  ['18234004', 'Optic nerve', 'optic nerve'],
  ['89545001', 'Face', 'face'],
  ['91609006', 'Mandible', 'mandible'],
  ['56873002', 'Sternum', 'sternum'],
  ['85050009', 'Humerus', 'humerus'],
  ['79601000', 'Scapula', 'scapula'],
  ['51299004', 'Clavicle', 'clavicula|clavicle'],
  ['71341001', 'Femur', 'femur'],
  ['29836001', 'Hip', 'hip'],
  ['54735007', 'Sacrum', 'sacrum'],
  ['113197003', 'Rib', 'rib|ribs'],
  ['206007', 'Gluteus maximus muscle', 'gluteus maximus'],
  ['78333006', 'Gluteus medius muscle', 'gluteus medius'],
  ['75297007', 'Gluteus minimus muscle', 'gluteus minimus'],
  ['44947003', 'Erector spinae muscle', 'autochthon|erector spinae'],
  ['68455001', 'Iliopsoas muscle', 'iliopsoas'],
  ['14806007', 'C1 vertebra', 'vertebrae c1'],
  ['39976000', 'C2 vertebra', 'vertebrae c2'],
  ['113205007', 'C3 vertebra', 'vertebrae c3'],
  ['5329002', 'C4 vertebra', 'vertebrae c4'],
  ['36978003', 'C5 vertebra', 'vertebrae c5'],
  ['36054005', 'C6 vertebra', 'vertebrae c6'],
  ['87391001', 'C7 vertebra', 'vertebrae c7'],
  ['64864005', 'T1 vertebra', 'vertebrae t1'],
  ['53733008', 'T2 vertebra', 'vertebrae t2'],
  ['1626008', 'T3 vertebra', 'vertebrae t3'],
  ['73071006', 'T4 vertebra', 'vertebrae t4'],
  ['56401006', 'T5 vertebra', 'vertebrae t5'],
  ['45296009', 'T6 vertebra', 'vertebrae t6'],
  ['62487009', 'T7 vertebra', 'vertebrae t7'],
  ['11068009', 'T8 vertebra', 'vertebrae t8'],
  ['82687006', 'T9 vertebra', 'vertebrae t9'],
  ['7610001', 'T10 vertebra', 'vertebrae t10'],
  ['12989004', 'T11 vertebra', 'vertebrae t11'],
  ['23215003', 'T12 vertebra', 'vertebrae t12'],
  ['66794005', 'L1 vertebra', 'vertebrae l1'],
  ['14293000', 'L2 vertebra', 'vertebrae l2'],
  ['36470004', 'L3 vertebra', 'vertebrae l3'],
  ['11994002', 'L4 vertebra', 'vertebrae l4'],
  ['49668003', 'L5 vertebra', 'vertebrae l5'],
];

/** CID 7159 and its like: what is not part of a healthy body. */
const LESIONS: readonly (readonly [string, string, string])[] = [
  ['108369006', 'Neoplasm', 'tumor|tumour|neoplasm|cancer'],
  ['52988006', 'Lesion', 'lesion'],
  ['27925004', 'Nodule', 'nodule'],
  ['367643001', 'Cyst', 'cyst'],
  ['79654002', 'Edema', 'edema|oedema'],
  ['6574001', 'Necrosis', 'necrosis'],
  ['50960005', 'Hemorrhage', 'hemorrhage|haemorrhage'],
];

/** By name; "=" before it: with its side, which the code itself says. */
const BY_NAME: ReadonlyMap<string, NamedProperty> = new Map(
  [STRUCTURES, LESIONS].flatMap((rows, i) =>
    rows.flatMap(([value, meaning, names]) =>
      names
        .split('|')
        .map((name): readonly [string, NamedProperty] => [
          name,
          { category: i === 0 ? ANATOMY : ABNORMAL, type: { value, scheme: 'SCT', meaning } },
        ]),
    ),
  ),
);

/** Lower case, everything but letters and digits as one blank: "Left_Kidney" and "left-kidney" are one name. */
export function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** The codes of common anatomy and lesions by the name of a class; undefined where the name is not known. */
export function codesOfName(name: string): NamedProperty | undefined {
  const plain = plainName(name).replace(/^vertebra (?=[ctl]\d)/, 'vertebrae ');
  const sided = BY_NAME.get(`=${plain}`);
  if (sided) return sided;
  const words = plain.split(' ');
  const rest = words.filter((word) => word !== 'left' && word !== 'right').join(' ');
  const found = BY_NAME.get(rest.replace(/^rib \d+$/, 'rib'));
  if (!found) return undefined;
  const left = words.includes('left');
  const right = words.includes('right');
  if (left && right) return undefined;
  return left || right ? { ...found, modifier: left ? LEFT : RIGHT } : found;
}
