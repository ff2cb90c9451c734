import { sentenceOf, VoxgateError } from '../errors.ts';
import { transcodeFile } from './transcode.ts';
import type { TranscodeReply, TranscodeRequest } from './transcode-messages.ts';

// A process of its own: a codec may run for seconds, or take its process down with it.
const answer = (reply: TranscodeReply): void => void process.send?.(reply);

process.on('message', (request: TranscodeRequest) => {
  transcodeFile(request).then(
    (size) => answer({ ok: true, size }),
    (error: unknown) =>
      answer({ ok: false, code: error instanceof VoxgateError ? error.code : undefined, message: sentenceOf(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
