/** What all staged objects of a store share. */
export interface Disk {
  pathOf(key: string): string;
  stagingPathOf(key: string): string;
  /** @throws VoxgateError out-of-resources when the disk is nearly full */
  requireRoom(): void;
  /** The object is no longer on its way. */
  forget(key: string): void;
}
