#include "control/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 256

static char error_text[PATH_SIZE + 128];

const char *directory_error(void)
{
    return error_text;
}

static enum err fail(enum err e, const char *path, const char *why)
{
    snprintf(error_text, sizeof error_text, "%s: %s", path, why);
    return e;
}

/* It and what it lies in; only it is for our eyes alone. */
static enum err make(const char *directory)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s", directory) >= (int)sizeof path)
        return fail(ERR_IO, directory, strerror(ENAMETOOLONG));
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return OK;
    if (errno != ENOENT)
        return fail(ERR_IO, path, strerror(errno));
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return fail(ERR_IO, path, strerror(errno));
        *at = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(ERR_IO, path, strerror(errno));
    return OK;
}

static enum err lock(const char *directory, const char *file, const char *why)
{
    char path[PATH_SIZE];
    enum err e = make(directory);
    if (e != OK)
        return e;
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(ERR_IO, path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return OK; /* held until the process ends */
    close(fd);
    return fail(ERR_STATE, path, why);
}

enum err directory_lock(const char *directory)
{
    return lock(directory, "lock", "another rfqd runs on this directory");
}

enum err directory_lock_shared(const char *shared)
{
    return lock(shared, "rings.lock",
                "another rfqd has its rings here; each needs an 'instance' or a 'shared' of its own");
}

static enum err make_identity(int fd, const char *path, struct ring_identity *id)
{
    if (getrandom(id->instance, sizeof id->instance, 0) == sizeof id->instance &&
        write(fd, id->instance, sizeof id->instance) == sizeof id->instance && fsync(fd) == 0)
        return OK;
    return fail(ERR_IO, path, strerror(errno));
}

enum err directory_identity(const char *directory, struct ring_identity *id)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/instance", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(ERR_IO, path, strerror(errno));
    ssize_t got = read(fd, id->instance, sizeof id->instance);
    enum err e = OK;
    if (got == 0)
        e = make_identity(fd, path, id);
    else if (got != sizeof id->instance)
        e = fail(ERR_CORRUPT, path, "is not an instance's id: 16 bytes are expected");
    close(fd);
    if (e != OK)
        return e;
    e = ring_identity_boot(id->boot);
    return e == OK ? OK : fail(e, "boot id", err_text(e));
}
