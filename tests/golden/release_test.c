/* Data directories of earlier releases: what this program makes of them (tests/golden/v*). */
#include <criterion/criterion.h>

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/model/routing.h"
#include "storage/dump.h"
#include "storage/verify.h"

struct opened {
    char directory[64];
    struct disk *disk;
    struct log *log;
    struct store *store;
    struct distribution_state *distribution;
    struct routing_state *routing;
    struct gateway_state *gateway;
    struct settings settings;
};

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 16];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    cr_assert(in && out, "%s", from);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        cr_assert_eq(fwrite(bytes, 1, n, out), n);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* The listing is never written to: a copy is. */
static void copy_directory(const char *from, const char *to)
{
    char a[512], b[512];
    DIR *d = opendir(from);
    cr_assert_not_null(d, "%s", from);
    mkdir(to, 0700);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        if (e->d_type == DT_DIR)
            copy_directory(a, b);
        else
            copy_file(a, b);
    }
    closedir(d);
}

static int take_settings(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct settings *s = ctx;
    (void)key;
    (void)key_size;
    cr_assert_geq(value_size, 9);
    size_t size = value_size - 9; /* version, id */
    memcpy(s, (const char *)value + 9, size < sizeof *s ? size : sizeof *s);
    return 1;
}

static void make_states(struct opened *o)
{
    cr_assert_eq(distribution_state_create(&o->distribution, &o->settings, true, false, 0), OK);
    cr_assert_eq(routing_state_create(&o->routing, &o->settings, true, false, 0), OK);
    cr_assert_eq(gateway_state_create(&o->gateway, AGENT_GATEWAY, false), OK);
}

static void free_states(struct opened *o)
{
    o->distribution->base.destroy(&o->distribution->base);
    o->routing->base.destroy(&o->routing->base);
    o->gateway->base.destroy(&o->gateway->base);
}

static void open_copy(struct opened *o, const char *golden)
{
    char path[128], instance[16];
    memset(o, 0, sizeof *o);
    strcpy(o->directory, "/tmp/rfqd-golden-XXXXXX");
    cr_assert(mkdtemp(o->directory));
    copy_directory(golden, o->directory);
    snprintf(path, sizeof path, "%s/instance", o->directory);
    FILE *f = fopen(path, "r");
    cr_assert(f && fread(instance, 1, sizeof instance, f) == sizeof instance);
    fclose(f);
    snprintf(path, sizeof path, "%s/log", o->directory);
    cr_assert_eq(disk_uring_create(&o->disk, path), OK);
    struct log_config log = {
        .disk = o->disk, .segment_size = LOG_SEGMENT_SIZE_MIN, .sync_interval_ns = 5000000};
    memcpy(log.instance, instance, sizeof instance);
    cr_assert_eq(log_open(&o->log, &log), OK, "%s", log_error(o->log));
    snprintf(path, sizeof path, "%s/store", o->directory);
    cr_assert_eq(store_lmdb_create(&o->store, path, 64u << 20), OK, "%s", store_error());
    cr_assert_eq(o->store->ops->scan(o->store, "settings", NULL, 0, take_settings, &o->settings), OK);
    cr_assert_gt(o->settings.rfqs_max, 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void close_copy(struct opened *o)
{
    log_close(o->log);
    o->store->ops->destroy(o->store);
    o->disk->ops->destroy(o->disk);
    nftw(o->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void for_each_release(void (*check)(struct opened *o, const char *golden))
{
    char golden[512];
    unsigned releases = 0;
    for (unsigned version = 1; version < 100; version++) {
        struct opened o;
        struct stat st;
        snprintf(golden, sizeof golden, "%s/v%u", GOLDEN_DIRECTORY, version);
        if (stat(golden, &st) != 0)
            continue;
        open_copy(&o, golden);
        check(&o, golden);
        close_copy(&o);
        releases++;
    }
    cr_assert_gt(releases, 0);
}

static uint32_t count_of(const struct opened *o, const char *table)
{
    const struct state *states[] = {&o->distribution->base, &o->routing->base, &o->gateway->base};
    for (unsigned s = 0; s < 3; s++)
        for (unsigned t = 0; t < states[s]->table_count; t++)
            if (strcmp(table_name(states[s]->tables[t]), table) == 0)
                return table_count(states[s]->tables[t]);
    cr_assert_fail("%s", table);
    abort();
}

static void comes_up(struct opened *o, const char *golden)
{
    char path[640], table[64];
    unsigned long expected;
    struct recovery_result result;
    make_states(o);
    const struct recovery_input in = {.store = o->store,
                                      .log = o->log,
                                      .states = {[AGENT_DISTRIBUTION] = &o->distribution->base,
                                                 [AGENT_ROUTING] = &o->routing->base,
                                                 [AGENT_GATEWAY] = &o->gateway->base}};
    cr_assert_eq(recovery_run(&in, &result), OK, "%s: %s", golden, result.error);
    cr_assert_gt(result.frames, 0);
    snprintf(path, sizeof path, "%s/expected.txt", golden);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    while (fscanf(f, "%63s %lu", table, &expected) == 2)
        cr_assert_eq(strcmp(table, "next_seq") == 0 ? result.next_seq : count_of(o, table), expected,
                     "%s: %s", golden, table);
    fclose(f);
    free_states(o);
}

Test(golden, a_released_data_directory_comes_up)
{
    for_each_release(comes_up);
}

static void note(void *ctx, const struct verify_difference *d)
{
    fprintf(stderr, "%s: %s %lu: %s\n", (const char *)ctx, d->table, d->id, d->what);
}

static void verifies(struct opened *o, const char *golden)
{
    struct verify_report report;
    make_states(o);
    const struct verify_input in = {.store = o->store,
                                    .log = o->log,
                                    .states = {[AGENT_DISTRIBUTION] = &o->distribution->base,
                                               [AGENT_ROUTING] = &o->routing->base,
                                               [AGENT_GATEWAY] = &o->gateway->base}};
    cr_assert_eq(verify_run(&in, &report, note, (void *)(uintptr_t)golden), OK, "%s: %s", golden,
                 store_error());
    cr_assert(report.from_start && report.complete && report.differences == 0, "%s", golden);
    cr_assert(report.digests > 0 && report.entities > 0 && report.rows > 0, "%s", golden);
    free_states(o);
}

Test(golden, a_released_data_directory_verifies)
{
    for_each_release(verifies);
}

static bool count_line(void *ctx, const char *line, size_t size)
{
    cr_assert(size > 2 && line[0] == '{' && line[size - 2] == '}');
    ++*(unsigned *)ctx;
    return true;
}

static void dumps(struct opened *o, const char *golden)
{
    unsigned lines = 0;
    cr_assert_eq(dump_all(o->store, count_line, &lines), OK, "%s: %s", golden, store_error());
    cr_assert_gt(lines, 100, "%s", golden);
}

Test(golden, a_released_store_can_be_dumped)
{
    for_each_release(dumps);
}
