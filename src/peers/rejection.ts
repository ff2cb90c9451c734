/** A-ASSOCIATE-RJ as the library reads it. */
export interface AssociationRejection {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
}

/** Reason by source (PS3.8 Table 9-21). */
const REJECTIONS: Readonly<Record<string, string>> = {
  '1 1': 'no reason given',
  '1 2': 'application context name not supported',
  '1 3': 'calling AE title not recognized',
  '1 7': 'called AE title not recognized',
  '2 1': 'no reason given',
  '2 2': 'protocol version not supported',
  '3 1': 'temporary congestion',
  '3 2': 'local limit exceeded',
};

/** What a rejection means, in the words of the standard. */
export function describeRejection({ result, source, reason }: AssociationRejection): string {
  const meaning = REJECTIONS[`${source} ${reason}`] ?? 'a reason that the standard does not know';
  return `result ${result}, source ${source}, reason ${reason}: ${meaning}`;
}
