import { isStorageSopClass } from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '../dicom/transfer-syntaxes.ts';
import { type Association, type PresentationContext, PresentationContextResult } from './library.ts';

export const VERIFICATION = '1.2.840.10008.1.1';
export const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
export const PATIENT_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.1.1';

/** Encodings of a query and its answers, best first. */
const QUERY_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];

type Choice = (proposed: readonly string[]) => string | undefined;

/** The services besides storage, and which of the proposed transfer syntaxes each takes. */
const SERVICES: Readonly<Record<string, Choice>> = {
  [VERIFICATION]: (proposed) => QUERY_SYNTAXES.find((uid) => proposed.includes(uid)),
  [STUDY_ROOT_FIND]: (proposed) => QUERY_SYNTAXES.find((uid) => proposed.includes(uid)),
  [PATIENT_ROOT_FIND]: (proposed) => QUERY_SYNTAXES.find((uid) => proposed.includes(uid)),
};

/** Objects are stored as they are sent, so the sender's first choice that we can read is taken. */
const storage: Choice = (proposed) => proposed.find((uid) => transferSyntaxOf(uid) !== undefined);

/** Answers every proposed presentation context (PS3.8 9.3.3.2). */
export function answerPresentationContexts(association: Association): void {
  for (const { id } of association.getPresentationContexts()) answer(association.getPresentationContext(id));
}

function answer(context: PresentationContext): void {
  const abstractSyntax = context.getAbstractSyntaxUid();
  const choose = SERVICES[abstractSyntax] ?? (isStored(abstractSyntax) ? storage : undefined);
  if (!choose) {
    context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
    return;
  }
  const transferSyntax = choose(context.getTransferSyntaxUids());
  if (transferSyntax === undefined) context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
  else context.setResult(PresentationContextResult.Accept, transferSyntax);
}

const STANDARD_ROOT = '1.2.840.10008.';

/** Every storage SOP class of PS3.6, and private ones: a class that is not the standard's own can only be for storage. */
function isStored(abstractSyntax: string): boolean {
  return isStorageSopClass(abstractSyntax) || !abstractSyntax.startsWith(STANDARD_ROOT);
}
