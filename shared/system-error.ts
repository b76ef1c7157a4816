/** Telling what the operating system says from bugs. */

/** Whether an error came from a system call. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

/** Whether an error is the operating system's, with one of these codes (`ENOENT`). */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
