#include "control/repair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/directory.h"
#include "control/node.h"
#include "storage/log/repair.h"
#include "storage/store.h"

struct repair {
    const struct config *config;
    struct disk *disk;
    bool has_store;
    uint64_t store_offset; /* of the log, that the store is the state of; UINT64_MAX: there is none */
};

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "rfqd: %s: %s\n", what, why);
    return false;
}

/* Of a store that cannot be read nothing is known, so nothing is given up on its account. */
static bool read_store(struct repair *x)
{
    char path[CONFIG_PATH_SIZE + 16];
    struct store *s = NULL;
    struct store_marks marks;
    snprintf(path, sizeof path, "%s/store", x->config->directory);
    x->store_offset = UINT64_MAX;
    if (access(path, F_OK) != 0)
        return true;
    enum err e = store_lmdb_create(&s, path, x->config->store_map_size);
    if (e == OK)
        e = s->ops->marks(s, &marks);
    if (s)
        s->ops->destroy(s);
    if (e == ERR_NOT_FOUND)
        return true;
    if (e != OK)
        return fail(path, err_text(e));
    x->has_store = true;
    x->store_offset = marks.log_offset;
    return true;
}

static bool say(const struct log_report *r)
{
    printf("log: %" PRIu64 " frames, %" PRIu64 " records, offsets %" PRIu64 " to %" PRIu64, r->frames,
           r->records, r->begin, r->end);
    if (r->has_mark)
        printf(", durable up to %" PRIu64 " by its mark", r->durable);
    printf("\n%s: %s\n", r->damaged ? "damaged" : "not damaged",
           r->damaged ? r->fault : "all frames are good");
    return !r->damaged;
}

static void say_ways(const struct repair *x, const struct log_report *r)
{
    printf("--repair=cut   gives up the damaged frame and all behind it, and what only the rings hold\n");
    if (x->has_store && x->store_offset > r->end)
        printf("               not while the store is the state of offset %" PRIu64 ": %s\n", x->store_offset,
               r->begin == 0 ? "move it away, it is made anew from the log"
                             : "and the log does not begin at 0, so the store cannot be made anew from it");
    printf("--repair=drop  gives up the segments up to the damaged one; possible where the store and the "
           "mark lie "
           "behind it\n");
}

static bool drop_rings(const struct repair *x)
{
    char path[CONFIG_PATH_SIZE + 64];
    for (unsigned i = 0; node_ring_name(i); i++) {
        snprintf(path, sizeof path, "%s/%s", x->config->shared, node_ring_name(i));
        if (unlink(path) != 0 && errno != ENOENT)
            return fail(path, strerror(errno));
    }
    return true;
}

static bool mend(const struct repair *x, const struct log_config *log, enum repair_way way,
                 struct log_report *r)
{
    if (way == REPAIR_CUT && x->has_store && x->store_offset > r->end)
        return fail("cut", "the store is the state of more than would be left");
    if (way == REPAIR_CUT && !drop_rings(x))
        return false;
    enum err e = log_repair(log, way == REPAIR_CUT ? LOG_REPAIR_CUT : LOG_REPAIR_DROP, x->store_offset, r);
    if (e != OK)
        return fail(way == REPAIR_CUT ? "cut" : "drop", err_text(e));
    printf("repaired: %s\n", way == REPAIR_CUT ? "a new stream epoch begins" : "the log begins later");
    return true;
}

static bool repair(struct repair *x, enum repair_way way)
{
    struct ring_identity id;
    struct log_config log = {.segment_size = x->config->log_segment_size};
    struct log_report r;
    char path[CONFIG_PATH_SIZE + 16];
    if (directory_lock(x->config->directory) != OK || directory_lock_shared(x->config->shared) != OK ||
        directory_identity(x->config->directory, &id) != OK)
        return fail("repair", directory_error());
    snprintf(path, sizeof path, "%s/log", x->config->directory);
    enum err e = disk_uring_create(&x->disk, path);
    if (e != OK)
        return fail(path, err_text(e));
    memcpy(log.instance, id.instance, sizeof log.instance);
    memcpy(log.boot, id.boot, sizeof log.boot);
    log.disk = x->disk;
    e = log_examine(&log, &r);
    if (e == ERR_STATE)
        return fail(path, "it has segments of another size than record.log_segment_mib");
    if (e != OK)
        return fail(path, err_text(e));
    bool whole = say(&r);
    if (whole || !read_store(x))
        return whole;
    if (way == REPAIR_LOOK) {
        say_ways(x, &r);
        return false;
    }
    return mend(x, &log, way, &r);
}

bool repair_log(const struct config *c, enum repair_way way)
{
    struct repair x = {.config = c};
    bool right = repair(&x, way);
    if (x.disk)
        x.disk->ops->destroy(x.disk);
    return right;
}
