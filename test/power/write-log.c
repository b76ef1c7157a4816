/*
 * Loaded before libc (LD_PRELOAD): writes down, in order, everything that a program changes and syncs below one folder,
 * so that write-log.ts can tell what a power cut at any moment would have left.
 *
 *   WRITE_LOG_DIR    the folder, absolute and without links
 *   WRITE_LOG_FILE   where the log goes, outside that folder; appended to
 *   WRITE_LOG_MARKS  a file, outside that folder: what is written to it stands in the log as a mark, in its place among
 *                    the writes. The mark "!3" ends the program (SIGKILL) just before its third sync from there, "!r3" before
 *                    the first after its third renaming.
 *
 * A record: six fields in the machine's byte order (type, bytes of path, of other path and of data: 32 bits each; inode, offset: 64
 * bits each), then path, other path, data. Each call and its record are one step: a lock is held over both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAKE_FILE = 1, MAKE_FOLDER, WRITE, RESIZE, SYNC, RENAME, REMOVE, MARK, UNKNOWN };

struct record {
  uint32_t type, path_bytes, other_bytes, data_bytes;
  uint64_t inode, offset;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *marks;
static size_t folder_bytes;
static int log_descriptor = -1;
static int syncs_left = -1, renames_left = -1;

#define LOCKED pthread_mutex_lock(&lock)
#define UNLOCKED pthread_mutex_unlock(&lock)

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("WRITE_LOG_FILE");
  folder = getenv("WRITE_LOG_DIR");
  marks = getenv("WRITE_LOG_MARKS");
  if (!path || !folder || !marks) return;
  folder_bytes = strlen(folder);
  log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(int type, const char *path, const char *other, uint64_t inode, uint64_t offset,
                const struct iovec *data, int parts, size_t data_bytes) {
  struct iovec all[64];
  struct record record = {(uint32_t)type, path ? strlen(path) : 0, other ? strlen(other) : 0, data_bytes, inode, offset};
  all[0] = (struct iovec){&record, sizeof record};
  all[1] = (struct iovec){(void *)path, record.path_bytes};
  all[2] = (struct iovec){(void *)other, record.other_bytes};
  int used = 3;
  size_t left = data_bytes;
  for (int part = 0; part < parts && left > 0; part++) {
    if (used == 64) abort();
    size_t take = data[part].iov_len < left ? data[part].iov_len : left;
    all[used++] = (struct iovec){data[part].iov_base, take};
    left -= take;
  }
  size_t whole = sizeof record + record.path_bytes + record.other_bytes + data_bytes;
  if (syscall(SYS_writev, log_descriptor, all, used) != (ssize_t)whole) abort();
}

static int is_inside(const char *path) {
  return log_descriptor >= 0 && strncmp(path, folder, folder_bytes) == 0 &&
         (path[folder_bytes] == '/' || path[folder_bytes] == 0);
}

/* The path of an open file as the kernel knows it now; empty when there is none. */
static void path_of(int descriptor, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t bytes = log_descriptor < 0 ? -1 : readlink(link, path, PATH_MAX - 1);
  path[bytes < 0 ? 0 : bytes] = 0;
}

/* A path made absolute; links in it are not resolved. */
static void absolute(int at, const char *given, char *path) {
  char base[PATH_MAX] = "";
  if (given[0] != '/') {
    if (at != AT_FDCWD) path_of(at, base);
    else if (!getcwd(base, sizeof base)) base[0] = 0;
  }
  if (snprintf(path, PATH_MAX, "%s%s%s", base, given[0] == '/' ? "" : "/", given) >= PATH_MAX) abort();
}

static void put_path(int type, const char *path, const char *other) { put(type, path, other, 0, 0, NULL, 0, 0); }

/*
 * A call that this shim cannot write down touched the folder: the log is of no use, and says so. Not for SQLite's shared
 * memory, which it maps: nobody trusts what a power cut leaves of that.
 */
static void unknown(const char *call, int descriptor) {
  char path[PATH_MAX];
  path_of(descriptor, path);
  size_t bytes = strlen(path);
  if (bytes > 4 && strcmp(path + bytes - 4, "-shm") == 0) return;
  if (is_inside(path)) put_path(UNKNOWN, call, path);
}

static uint64_t inode_of(int descriptor) {
  struct stat stat;
  return fstat(descriptor, &stat) == 0 ? stat.st_ino : 0;
}

/* Opening. */

static int open_at(int at, const char *given, int flags, mode_t mode) {
  char path[PATH_MAX];
  struct stat before;
  if (log_descriptor < 0 || !(flags & (O_CREAT | O_TRUNC))) return (int)syscall(SYS_openat, at, given, flags, mode);
  absolute(at, given, path);
  if (!is_inside(path)) return (int)syscall(SYS_openat, at, given, flags, mode);
  LOCKED;
  int existed = lstat(path, &before) == 0;
  int descriptor = (int)syscall(SYS_openat, at, given, flags, mode);
  int saved = errno;
  if (descriptor >= 0 && !existed) put(MAKE_FILE, path, NULL, inode_of(descriptor), 0, NULL, 0, 0);
  if (descriptor >= 0 && existed && (flags & O_TRUNC)) put(RESIZE, path, NULL, inode_of(descriptor), 0, NULL, 0, 0);
  UNLOCKED;
  errno = saved;
  return descriptor;
}

#define MODE_OF(flags)                      \
  mode_t mode = 0;                          \
  if ((flags) & (O_CREAT | O_TMPFILE)) {    \
    va_list rest;                           \
    va_start(rest, flags);                  \
    mode = va_arg(rest, mode_t);            \
    va_end(rest);                           \
  }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static void obey(const char *mark) {
  if (mark[0] != '!') return;
  if (mark[1] == 'r') renames_left = atoi(mark + 2);
  else syncs_left = atoi(mark + 1);
}

/* Writing. An offset of -1 is the file's own: its end when it was opened for appending. */

static ssize_t write_parts(int descriptor, const struct iovec *parts, int count, off_t offset) {
  char path[PATH_MAX];
  path_of(descriptor, path);
  int is_mark = path[0] && strcmp(path, marks) == 0;
  int inside = path[0] && is_inside(path);
  if (!is_mark && !inside) {
    return syscall(offset < 0 ? SYS_writev : SYS_pwritev, descriptor, parts, count, offset, 0);
  }
  LOCKED;
  off_t place = offset;
  struct stat stat;
  if (offset < 0) {
    int appends = fcntl(descriptor, F_GETFL) & O_APPEND;
    place = appends && fstat(descriptor, &stat) == 0 ? stat.st_size : lseek(descriptor, 0, SEEK_CUR);
  }
  ssize_t written = syscall(offset < 0 ? SYS_writev : SYS_pwritev, descriptor, parts, count, offset, 0);
  int saved = errno;
  if (written > 0) {
    put(is_mark ? MARK : WRITE, is_mark ? NULL : path, NULL, inode_of(descriptor), place, parts, count, written);
    if (is_mark) obey(parts[0].iov_base);
  }
  UNLOCKED;
  errno = saved;
  return written;
}

static ssize_t write_one(int descriptor, const void *data, size_t bytes, off_t offset) {
  struct iovec part = {(void *)data, bytes};
  return write_parts(descriptor, &part, 1, offset);
}

ssize_t write(int descriptor, const void *data, size_t bytes) { return write_one(descriptor, data, bytes, -1); }
ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t at) { return write_one(descriptor, data, bytes, at); }
ssize_t pwrite64(int descriptor, const void *data, size_t bytes, off64_t at) {
  return write_one(descriptor, data, bytes, at);
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) { return write_parts(descriptor, parts, count, -1); }
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t at) {
  return write_parts(descriptor, parts, count, at);
}
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t at) {
  return write_parts(descriptor, parts, count, at);
}

int ftruncate(int descriptor, off_t size) {
  char path[PATH_MAX];
  path_of(descriptor, path);
  if (!is_inside(path)) return (int)syscall(SYS_ftruncate, descriptor, size);
  LOCKED;
  int result = (int)syscall(SYS_ftruncate, descriptor, size);
  int saved = errno;
  if (result == 0) put(RESIZE, path, NULL, inode_of(descriptor), size, NULL, 0, 0);
  UNLOCKED;
  errno = saved;
  return result;
}
int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

/* Syncing. */

static int sync_one(int descriptor, int call) {
  char path[PATH_MAX];
  path_of(descriptor, path);
  if (!is_inside(path)) return (int)syscall(call, descriptor);
  LOCKED;
  if (syncs_left > 0 && --syncs_left == 0) syscall(SYS_kill, getpid(), SIGKILL);
  int result = (int)syscall(call, descriptor);
  int saved = errno;
  if (result == 0) put(SYNC, path, NULL, inode_of(descriptor), 0, NULL, 0, 0);
  UNLOCKED;
  errno = saved;
  return result;
}

int fsync(int descriptor) { return sync_one(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return sync_one(descriptor, SYS_fdatasync); }

/* Names. */

static int name_at(int type, int at, const char *given, int flags, mode_t mode) {
  char path[PATH_MAX];
  struct stat stat;
  absolute(at, given, path);
  LOCKED;
  int result = type == MAKE_FOLDER ? (int)syscall(SYS_mkdirat, at, given, mode) : (int)syscall(SYS_unlinkat, at, given, flags);
  int saved = errno;
  if (result == 0 && is_inside(path)) {
    put(type, path, NULL, type == MAKE_FOLDER && lstat(path, &stat) == 0 ? stat.st_ino : 0, 0, NULL, 0, 0);
  }
  UNLOCKED;
  errno = saved;
  return result;
}

int mkdir(const char *path, mode_t mode) { return name_at(MAKE_FOLDER, AT_FDCWD, path, 0, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return name_at(MAKE_FOLDER, at, path, 0, mode); }
int unlink(const char *path) { return name_at(REMOVE, AT_FDCWD, path, 0, 0); }
int unlinkat(int at, const char *path, int flags) { return name_at(REMOVE, at, path, flags, 0); }
int rmdir(const char *path) { return name_at(REMOVE, AT_FDCWD, path, AT_REMOVEDIR, 0); }
int remove(const char *path) {
  struct stat stat;
  return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode) ? rmdir(path) : unlink(path);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  char old_path[PATH_MAX], new_path[PATH_MAX];
  absolute(from_at, from, old_path);
  absolute(to_at, to, new_path);
  LOCKED;
  int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  int saved = errno;
  if (result == 0 && (is_inside(old_path) || is_inside(new_path))) {
    put_path(flags ? UNKNOWN : RENAME, old_path, new_path);
    if (renames_left > 0 && --renames_left == 0) syncs_left = 1;
  }
  UNLOCKED;
  errno = saved;
  return result;
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

/* What none of our programs does today. */

void *mmap(void *address, size_t bytes, int protection, int flags, int descriptor, off_t at) {
  if (descriptor >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED)) unknown("mmap", descriptor);
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, descriptor, at);
}
void *mmap64(void *address, size_t bytes, int protection, int flags, int descriptor, off64_t at) {
  return mmap(address, bytes, protection, flags, descriptor, at);
}
int fallocate(int descriptor, int mode, off_t at, off_t bytes) {
  unknown("fallocate", descriptor);
  return (int)syscall(SYS_fallocate, descriptor, mode, at, bytes);
}
int fallocate64(int descriptor, int mode, off64_t at, off64_t bytes) { return fallocate(descriptor, mode, at, bytes); }
int posix_fallocate(int descriptor, off_t at, off_t bytes) { return fallocate(descriptor, 0, at, bytes) == 0 ? 0 : errno; }
int posix_fallocate64(int descriptor, off64_t at, off64_t bytes) { return posix_fallocate(descriptor, at, bytes); }
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t bytes, unsigned flags) {
  unknown("copy_file_range", to);
  return syscall(SYS_copy_file_range, from, from_at, to, to_at, bytes, flags);
}
ssize_t sendfile(int to, int from, off_t *at, size_t bytes) {
  unknown("sendfile", to);
  return syscall(SYS_sendfile, to, from, at, bytes);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  char path[PATH_MAX];
  absolute(to_at, to, path);
  if (is_inside(path)) put_path(UNKNOWN, "link", path);
  return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
}
