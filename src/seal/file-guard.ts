/** Of files that several processes may replace: only one of them at a time does. */
export interface FileGuard {
  /** Where the new content is written before it takes the file's name: no other process has the same one. */
  temporary(path: string): string;
  /** Asked between the writing and the renaming. @throws where another process replaces them by now */
  requireMayReplace(): Promise<void>;
}
