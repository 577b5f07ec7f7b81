#include "storage/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/store_fail.h"

#define PATH_SIZE  4096u
#define COPY_SIZE  (1u << 20)
#define MARK_NAME  "mark"
#define LOG_SUFFIX ".log"

static enum err io_error(const char *path)
{
    int cause = errno;
    enum err e = cause == ENOSPC || cause == EDQUOT ? ERR_FULL : ERR_IO;
    store_fail(e, "%s: %s", path, strerror(cause));
    errno = cause;
    return e;
}

static enum err join(char out[PATH_SIZE], const char *directory, const char *name)
{
    if (snprintf(out, PATH_SIZE, "%s/%s", directory, name) >= (int)PATH_SIZE)
        return store_fail(ERR_RANGE, "%s: the path is too long", directory);
    return OK;
}

static enum err copy_bytes(int from, int to, char *buffer, const char *from_path, const char *to_path,
                           uint64_t *copied)
{
    for (;;) {
        ssize_t got = read(from, buffer, COPY_SIZE);
        if (got < 0)
            return io_error(from_path);
        if (got == 0)
            break;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0)
                return io_error(to_path);
            done += put;
        }
        *copied += (uint64_t)got;
    }
    return fsync(to) == 0 ? OK : io_error(to_path);
}

/* A file that is gone meanwhile (recycled: it lies before what is held) is none: *there false. */
static enum err copy_file(const char *from_path, const char *to_path, uint64_t *copied, bool *there)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    *there = from >= 0;
    if (from < 0)
        return errno == ENOENT ? OK : io_error(from_path);
    int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0) {
        enum err e = io_error(to_path);
        close(from);
        return e;
    }
    char *buffer = malloc(COPY_SIZE);
    enum err e = buffer ? copy_bytes(from, to, buffer, from_path, to_path, copied)
                        : store_fail(ERR_MEMORY, "no memory to copy %s", from_path);
    free(buffer);
    close(from);
    close(to);
    return e;
}

static enum err sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_error(path);
    enum err e = fsync(fd) == 0 ? OK : io_error(path);
    close(fd);
    return e;
}

static enum err make_directory(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? OK : io_error(path);
}

static enum err must_be_empty(const char *path)
{
    DIR *d = opendir(path);
    if (!d)
        return io_error(path);
    bool empty = true;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    closedir(d);
    return empty ? OK : store_fail(ERR_EXISTS, "%s: the directory is not empty", path);
}

/* The log
 * ------------------------------------------------------------------------------------------------------- */

static int is_segment(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), suffix = strlen(LOG_SUFFIX);
    return length > suffix && strcmp(entry->d_name + length - suffix, LOG_SUFFIX) == 0;
}

static enum err copy_one(const char *from, const char *to, const char *name, uint64_t *copied, bool *there)
{
    char from_path[PATH_SIZE], to_path[PATH_SIZE];
    enum err e = join(from_path, from, name);
    if (!e)
        e = join(to_path, to, name);
    return e ? e : copy_file(from_path, to_path, copied, there);
}

/* Names are hexadecimal offsets of one width: their order is the log's. */
static enum err copy_segments(const char *from, const char *to, struct backup_report *report)
{
    struct dirent **names;
    int count = scandir(from, &names, is_segment, alphasort);
    if (count < 0)
        return io_error(from);
    enum err e = OK;
    for (int i = 0; i < count; i++) {
        bool there = false;
        if (!e)
            e = copy_one(from, to, names[i]->d_name, &report->log_size, &there);
        report->segments += there;
        free(names[i]);
    }
    free(names);
    return e;
}

static enum err copy_log(const char *from, const char *to, struct backup_report *report)
{
    bool there = false;
    enum err e = make_directory(to);
    if (!e)
        e = copy_one(from, to, MARK_NAME, &report->log_size, &there);
    if (!e && !there)
        e = store_fail(ERR_NOT_FOUND, "%s: no log is there", from);
    if (!e)
        e = copy_segments(from, to, report);
    return e ? e : sync_directory(to);
}

/* ---------------------------------------------------------------------------------------------------------------
 */

static enum err copy_store(const struct backup_input *in, const char *to, struct backup_report *report)
{
    char file[PATH_SIZE];
    struct stat st;
    enum err e = in->store->ops->copy(in->store, to);
    if (!e)
        e = join(file, to, "data.mdb");
    if (!e && stat(file, &st) == 0)
        report->store_size = (uint64_t)st.st_size;
    return e ? e : sync_directory(to);
}

static enum err copy_all(const struct backup_input *in, struct backup_report *report)
{
    char store[PATH_SIZE], log[PATH_SIZE], instance[PATH_SIZE];
    uint64_t size = 0;
    bool there;
    enum err e = join(store, in->directory, "store");
    if (!e)
        e = join(log, in->directory, "log");
    if (!e)
        e = join(instance, in->directory, "instance");
    if (!e)
        e = copy_store(in, store, report);
    if (!e)
        e = copy_log(in->log_directory, log, report);
    if (!e && in->instance_file)
        e = copy_file(in->instance_file, instance, &size, &there);
    return e ? e : sync_directory(in->directory);
}

enum err backup_run(const struct backup_input *in, struct backup_report *report)
{
    memset(report, 0, sizeof *report);
    enum err e = make_directory(in->directory);
    if (!e)
        e = must_be_empty(in->directory);
    if (e)
        return e;
    in->hold(in->hold_ctx, true);
    e = copy_all(in, report);
    in->hold(in->hold_ctx, false);
    return e;
}
