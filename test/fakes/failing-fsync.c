/* Loaded before libc (LD_PRELOAD): every fsync and fdatasync fails with the error number FSYNC_ERRNO. */
#include <errno.h>
#include <stdlib.h>

static int fail(void) {
  const char *text = getenv("FSYNC_ERRNO");
  errno = text ? atoi(text) : EIO;
  return -1;
}

int fsync(int descriptor) {
  (void)descriptor;
  return fail();
}

int fdatasync(int descriptor) {
  (void)descriptor;
  return fail();
}
