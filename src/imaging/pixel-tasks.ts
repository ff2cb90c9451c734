import { type DeliveredFrame, deliverFrame, type FrameOrder } from './deliver-frame.ts';
import type { Rendered, RenderRequest } from './render-request.ts';

/**
 * What the threads of the pixel pool can do. An input is what a thread can be sent; of an answer, arrays of bytes that
 * have a buffer to themselves are moved.
 */
export const PIXEL_TASKS = {
  'deliver-frame': (order: FrameOrder): Promise<DeliveredFrame> => deliverFrame(order),
  // The encoder is loaded by the first picture: threads that only decode never pay for it.
  render: async (request: RenderRequest): Promise<Rendered> => (await import('./render.ts')).render(request),
} as const;

type Tasks = typeof PIXEL_TASKS;

export type PixelTasks = {
  readonly [Name in keyof Tasks]: {
    readonly input: Parameters<Tasks[Name]>[0];
    readonly output: Awaited<ReturnType<Tasks[Name]>>;
  };
};
