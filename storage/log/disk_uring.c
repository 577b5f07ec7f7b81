#include "storage/log/disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS_SIZE     (1u << 20) /* one write of zeros */
#define LOCK_NAME      "lock"
#define TEMPORARY_NAME "prepare.tmp"
#define WAIT_NS        1000000

enum op_kind { OP_FREE, OP_WRITE, OP_SYNC };

struct op {
    enum op_kind kind;
    int fd;
    uint64_t offset;
    const char *from;
    size_t left; /* of the write: short ones are continued */
    uint64_t token;
};

/* One slow piece of work with names and space, done by the helper thread. */
enum job_kind { JOB_NONE, JOB_PREPARE, JOB_DISCARD };
struct job {
    enum job_kind kind;
    bool rename;
    bool done; /* by the helper; the owner has yet to collect it */
    char from[DISK_NAME_SIZE], name[DISK_NAME_SIZE];
    uint64_t size, token;
    int error, file;
};

struct disk_uring {
    struct disk base;
    int directory, lock;
    struct io_uring ring;
    struct op ops[DISK_INFLIGHT_MAX];
    unsigned inflight;
    bool unsubmitted; /* the kernel was short of memory: at the next poll */
    /* names of the last list */
    char (*names)[DISK_NAME_SIZE];
    unsigned name_count;
    /* helper */
    pthread_t helper;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job job;
    bool stop;
    _Atomic bool job_done; /* what poll looks at, so that an idle one takes no lock */
};

static struct disk_uring *uring_of(struct disk *d)
{
    return (struct disk_uring *)d;
}

static enum err errno_err(int cause)
{
    return cause == ENOENT ? ERR_NOT_FOUND : cause == ENOSPC || cause == EDQUOT ? ERR_FULL : ERR_IO;
}

/* Files by name: any thread, and the helper -----------------------------------------------------------------
 */

/* Allocated in one go, so that the log's syncs meet one change of the file system's own records and not one
 * for each piece; written piece by piece, each waited for, so that they meet little else in the device's
 * queue. */
static int zeros_write(int fd, uint64_t size)
{
    static const char zeros[ZEROS_SIZE];
    int failed = posix_fallocate(fd, 0, (off_t)size);
    if (failed)
        return failed;
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < sizeof zeros ? (size_t)(size - at) : sizeof zeros;
        ssize_t wrote = pwrite(fd, zeros, n, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote == 0 ? EIO : errno;
        /* For the pace only; whether it is on the disk is fsync's to say. */
        (void)sync_file_range(fd, (off_t)at, wrote, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        at += (uint64_t)wrote;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* Under a temporary name until it is whole, so that a name always means a whole file. errno, or 0 and *file.
 */
static int file_make(int directory, const char *temporary, const char *name, uint64_t size, int *file)
{
    int fd = openat(directory, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = zeros_write(fd, size);
    if (!error && renameat(directory, temporary, directory, name) != 0)
        error = errno;
    if (!error && fsync(directory) != 0)
        error = errno;
    if (error) {
        close(fd);
        (void)unlinkat(directory, temporary, 0);
        return error;
    }
    *file = fd;
    return 0;
}

static enum err uring_open(struct disk *d, const char *name, uint64_t size, int *file)
{
    struct disk_uring *u = uring_of(d);
    int fd = openat(u->directory, name, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        *file = fd;
        return OK;
    }
    if (errno != ENOENT || size == 0)
        return errno_err(errno);
    char temporary[DISK_NAME_SIZE + 8];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int error = file_make(u->directory, temporary, name, size, file);
    errno = error;
    return error ? errno_err(error) : OK;
}

static void uring_close(struct disk *d, int file)
{
    (void)d;
    close(file);
}

static enum err uring_size(struct disk *d, int file, uint64_t *size)
{
    (void)d;
    struct stat st;
    if (fstat(file, &st) != 0)
        return ERR_IO;
    *size = (uint64_t)st.st_size;
    return OK;
}

static enum err uring_read(struct disk *d, int file, uint64_t offset, void *to, size_t size)
{
    (void)d;
    for (char *p = to; size > 0;) {
        ssize_t got = pread(file, p, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? ERR_RANGE : ERR_IO;
        p += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return OK;
}

static enum err uring_rename(struct disk *d, const char *from, const char *to)
{
    int directory = uring_of(d)->directory;
    return renameat(directory, from, directory, to) == 0 ? OK : errno_err(errno);
}

static enum err uring_remove(struct disk *d, const char *name)
{
    return unlinkat(uring_of(d)->directory, name, 0) == 0 ? OK : errno_err(errno);
}

static enum err uring_sync_directory(struct disk *d)
{
    return fsync(uring_of(d)->directory) == 0 ? OK : ERR_IO;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum err names_read(struct disk_uring *u)
{
    free(u->names);
    u->names = NULL;
    u->name_count = 0;
    int fd = openat(u->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    enum err e = OK;
    for (struct dirent *entry; !e && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= DISK_NAME_SIZE)
            continue; /* nobody's of ours */
        void *grown = realloc(u->names, (u->name_count + 1) * sizeof *u->names);
        if (!grown) {
            e = ERR_MEMORY;
            break;
        }
        u->names = grown;
        strcpy(u->names[u->name_count++], entry->d_name);
    }
    closedir(dir);
    if (u->name_count > 1)
        qsort(u->names, u->name_count, sizeof *u->names, name_compare);
    return e;
}

static enum err uring_list(struct disk *d, unsigned i, char name[DISK_NAME_SIZE])
{
    struct disk_uring *u = uring_of(d);
    if (i == 0) {
        enum err e = names_read(u);
        if (e)
            return e;
    }
    if (i >= u->name_count)
        return ERR_NOT_FOUND;
    memcpy(name, u->names[i], DISK_NAME_SIZE);
    return OK;
}

/* The helper
 * ------------------------------------------------------------------------------------------------- */

static int file_with_size(int directory, const char *name, uint64_t size, int *file)
{
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != size) {
        close(fd);
        return ENOENT; /* as though it were not there: made anew over it */
    }
    *file = fd;
    return 0;
}

static int job_prepare(struct disk_uring *u, const struct job *j, int *file)
{
    if (j->rename) {
        if (renameat(u->directory, j->from, u->directory, j->name) != 0 || fsync(u->directory) != 0)
            return errno;
    }
    int error = file_with_size(u->directory, j->name, j->size, file);
    return error == ENOENT ? file_make(u->directory, TEMPORARY_NAME, j->name, j->size, file) : error;
}

static void job_run(struct disk_uring *u, struct job *j)
{
    j->file = DISK_FILE_NONE;
    if (j->kind == JOB_PREPARE)
        j->error = job_prepare(u, j, &j->file);
    else
        j->error = unlinkat(u->directory, j->name, 0) == 0 ? 0 : errno;
}

static void *helper_main(void *arg)
{
    struct disk_uring *u = arg;
    pthread_mutex_lock(&u->mutex);
    while (!u->stop) {
        if (u->job.kind == JOB_NONE || u->job.done) {
            pthread_cond_wait(&u->changed, &u->mutex);
            continue;
        }
        struct job j = u->job;
        pthread_mutex_unlock(&u->mutex);
        job_run(u, &j);
        pthread_mutex_lock(&u->mutex);
        j.done = true;
        u->job = j;
        /* Pairs with the acquire in uring_poll; the mutex guards the job itself. */
        atomic_store_explicit(&u->job_done, true, memory_order_release);
        pthread_cond_broadcast(&u->changed);
    }
    pthread_mutex_unlock(&u->mutex);
    return NULL;
}

/* The helper holds the mutex for moments only, never over a system call on the disk. */
static enum err job_start(struct disk_uring *u, const struct job *j)
{
    enum err e = OK;
    pthread_mutex_lock(&u->mutex);
    if (u->job.kind != JOB_NONE)
        e = ERR_FULL;
    else
        u->job = *j;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->mutex);
    return e;
}

static enum err uring_prepare(struct disk *d, const char *from, const char *name, uint64_t size,
                              uint64_t token)
{
    struct job j = {.kind = JOB_PREPARE, .rename = from != NULL, .size = size, .token = token};
    if (from)
        snprintf(j.from, sizeof j.from, "%s", from);
    snprintf(j.name, sizeof j.name, "%s", name);
    return job_start(uring_of(d), &j);
}

static enum err uring_discard(struct disk *d, const char *name, uint64_t token)
{
    struct job j = {.kind = JOB_DISCARD, .token = token};
    snprintf(j.name, sizeof j.name, "%s", name);
    return job_start(uring_of(d), &j);
}

static bool job_collect(struct disk_uring *u, struct disk_completion *done)
{
    if (!atomic_load_explicit(&u->job_done, memory_order_acquire))
        return false;
    pthread_mutex_lock(&u->mutex);
    *done = (struct disk_completion){.token = u->job.token, .error = u->job.error, .file = u->job.file};
    u->job.kind = JOB_NONE;
    u->job.done = false;
    atomic_store_explicit(&u->job_done, false, memory_order_relaxed);
    pthread_mutex_unlock(&u->mutex);
    return true;
}

/* Writes and syncs
 * --------------------------------------------------------------------------------------------- */

static void op_submit(struct disk_uring *u, struct op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    assert(sqe); /* as many entries as operations */
    if (op->kind == OP_WRITE)
        io_uring_prep_write(sqe, op->fd, op->from, (unsigned)op->left, op->offset);
    else
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
    /* Straight to a kernel thread: the caller must not wait even for a page to be allocated. */
    io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    io_uring_sqe_set_data64(sqe, (uint64_t)(op - u->ops));
    u->unsubmitted = io_uring_submit(&u->ring) < 0;
}

static enum err op_start(struct disk_uring *u, const struct op *what)
{
    if (u->inflight == DISK_INFLIGHT_MAX)
        return ERR_FULL;
    unsigned i = 0;
    while (u->ops[i].kind != OP_FREE)
        i++;
    u->ops[i] = *what;
    u->inflight++;
    op_submit(u, &u->ops[i]);
    return OK;
}

static enum err uring_write(struct disk *d, int file, uint64_t offset, const void *from, size_t size,
                            uint64_t token)
{
    assert(size > 0 && size <= INT32_MAX);
    struct op op = {
        .kind = OP_WRITE, .fd = file, .offset = offset, .from = from, .left = size, .token = token};
    return op_start(uring_of(d), &op);
}

static enum err uring_sync(struct disk *d, int file, uint64_t token)
{
    struct op op = {.kind = OP_SYNC, .fd = file, .token = token};
    return op_start(uring_of(d), &op);
}

/* True when the operation has ended; a short write goes on. We cancel nothing: the kernel does, when the
 * thread that submitted it ends before it is begun, as a core does at a planned stop. It is then done for
 * whoever polls now; this is no retry of a failed sync, for none was tried. */
static bool op_complete(struct disk_uring *u, struct op *op, int result, struct disk_completion *done)
{
    bool again = result == -EINTR || result == -EAGAIN || result == -ECANCELED;
    if (op->kind == OP_WRITE && result > 0) {
        assert((size_t)result <= op->left);
        op->left -= (size_t)result;
        op->from += result;
        op->offset += (uint64_t)result;
        again = op->left > 0;
    }
    if (again) {
        op_submit(u, op);
        return false;
    }
    int error = result < 0 ? -result : op->kind == OP_WRITE && op->left > 0 ? EIO : 0;
    *done = (struct disk_completion){.token = op->token, .error = error, .file = DISK_FILE_NONE};
    op->kind = OP_FREE;
    u->inflight--;
    return true;
}

static unsigned uring_poll(struct disk *d, struct disk_completion *done, unsigned max)
{
    struct disk_uring *u = uring_of(d);
    unsigned n = 0;
    if (u->unsubmitted)
        u->unsubmitted = io_uring_submit(&u->ring) < 0;
    struct io_uring_cqe *cqe;
    while (n < max && u->inflight > 0 && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
        struct op *op = &u->ops[io_uring_cqe_get_data64(cqe)];
        int result = cqe->res;
        io_uring_cqe_seen(&u->ring, cqe);
        n += op_complete(u, op, result, &done[n]);
    }
    if (n < max && job_collect(u, &done[n]))
        n++;
    return n;
}

static void uring_wait(struct disk *d)
{
    struct disk_uring *u = uring_of(d);
    struct __kernel_timespec t = {.tv_nsec = WAIT_NS};
    struct io_uring_cqe *cqe;
    (void)io_uring_wait_cqe_timeout(&u->ring, &cqe, &t);
}

static void uring_abandon(struct disk *d)
{
    struct disk_uring *u = uring_of(d);
    struct disk_completion done;
    while (u->inflight > 0)
        if (uring_poll(d, &done, 1) == 0)
            uring_wait(d);
        else if (done.file >= 0)
            close(done.file);
    pthread_mutex_lock(&u->mutex);
    while (u->job.kind != JOB_NONE && !u->job.done)
        pthread_cond_wait(&u->changed, &u->mutex);
    pthread_mutex_unlock(&u->mutex);
    if (job_collect(u, &done) && done.file >= 0)
        close(done.file);
}

/* Life
 * ------------------------------------------------------------------------------------------------------------
 */

static void uring_destroy(struct disk *d)
{
    struct disk_uring *u = uring_of(d);
    uring_abandon(d);
    pthread_mutex_lock(&u->mutex);
    u->stop = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->mutex);
    pthread_join(u->helper, NULL);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->mutex);
    io_uring_queue_exit(&u->ring);
    close(u->lock);
    close(u->directory);
    free(u->names);
    free(u);
}

static const struct disk_ops uring_ops = {
    .open = uring_open,
    .close = uring_close,
    .size = uring_size,
    .read = uring_read,
    .write = uring_write,
    .sync = uring_sync,
    .prepare = uring_prepare,
    .discard = uring_discard,
    .poll = uring_poll,
    .wait = uring_wait,
    .abandon = uring_abandon,
    .rename = uring_rename,
    .remove = uring_remove,
    .sync_directory = uring_sync_directory,
    .list = uring_list,
    .destroy = uring_destroy,
};

/* The directory, held by a lock that ends with the process. */
static enum err directory_take(struct disk_uring *u, const char *directory)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    u->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (u->directory < 0)
        return ERR_IO;
    u->lock = openat(u->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (u->lock < 0)
        return ERR_IO;
    if (flock(u->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_STATE : ERR_IO;
    (void)unlinkat(u->directory, TEMPORARY_NAME, 0); /* of one that was killed */
    return OK;
}

static enum err workers_start(struct disk_uring *u)
{
    int failed = io_uring_queue_init(DISK_INFLIGHT_MAX, &u->ring, 0);
    if (failed < 0) {
        errno = -failed;
        return ERR_IO;
    }
    pthread_mutex_init(&u->mutex, NULL);
    pthread_cond_init(&u->changed, NULL);
    failed = pthread_create(&u->helper, NULL, helper_main, u);
    if (failed) {
        pthread_cond_destroy(&u->changed);
        pthread_mutex_destroy(&u->mutex);
        io_uring_queue_exit(&u->ring);
        errno = failed;
        return ERR_IO;
    }
    return OK;
}

enum err disk_uring_create(struct disk **out, const char *directory)
{
    struct disk_uring *u = calloc(1, sizeof *u);
    if (!u)
        return ERR_MEMORY;
    u->base.ops = &uring_ops;
    u->directory = u->lock = -1;
    enum err e = directory_take(u, directory);
    if (!e)
        e = workers_start(u);
    if (e) {
        int cause = errno;
        if (u->lock >= 0)
            close(u->lock);
        if (u->directory >= 0)
            close(u->directory);
        free(u);
        errno = cause;
        return e;
    }
    *out = &u->base;
    return OK;
}
