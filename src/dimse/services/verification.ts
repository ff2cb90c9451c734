import { VERIFICATION } from '../../dicom/sop-classes.ts';
import type { Service } from '../service.ts';

/** C-ECHO (PS3.4 Annex A). */
export const verificationService: Service = {
  sopClasses: [VERIFICATION],
  requests: ['C-ECHO-RQ'],
  perform: (request) => request.respond({ status: 0 }),
};
