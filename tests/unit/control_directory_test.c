/* Directory: the data directory is made with what it lies in, is ours alone, and keeps its identity. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/directory.h"

static char place[] = "/tmp/rfqd-directory-XXXXXX";

static const char *in_place(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}

static void open_place(void)
{
    cr_assert(mkdtemp(place));
}

/* Deepest first; what a test did not make is not there. */
static void close_place(void)
{
    static const char *const made[] = {"run/demo/instance", "run/demo/lock", "run/demo/rings.lock", "file"};
    for (unsigned i = 0; i < sizeof made / sizeof *made; i++)
        unlink(in_place(made[i]));
    rmdir(in_place("run/demo"));
    rmdir(in_place("run"));
    rmdir(place);
}

TestSuite(directory, .init = open_place, .fini = close_place);

Test(directory, is_made_with_what_it_lies_in_and_locked_once)
{
    const char *path = in_place("run/demo");
    cr_assert_eq(directory_lock(path), OK, "%s", directory_error());
    struct stat s;
    cr_assert_eq(stat(path, &s), 0);
    cr_expect_eq(s.st_mode & 0777, 0700, "nobody else looks into it");
    cr_expect_eq(directory_lock(path), ERR_STATE);
    cr_expect(strstr(directory_error(), "another rfqd"));
    struct ring_identity first, again;
    cr_assert_eq(directory_identity(path, &first), OK);
    cr_assert_eq(directory_identity(path, &again), OK);
    cr_expect_arr_eq(first.instance, again.instance, sizeof first.instance);
}

Test(directory, of_the_rings_is_locked_once_and_may_be_the_same)
{
    const char *path = in_place("run/demo");
    cr_assert_eq(directory_lock(path), OK, "%s", directory_error());
    cr_assert_eq(directory_lock_shared(path), OK, "%s", directory_error());
    cr_expect_eq(directory_lock_shared(path), ERR_STATE);
    cr_expect(strstr(directory_error(), path) && strstr(directory_error(), "another rfqd has its rings here"),
              "%s", directory_error());
}

Test(directory, says_which_part_of_its_path_is_none)
{
    FILE *f = fopen(in_place("file"), "w");
    cr_assert(f);
    fclose(f);
    cr_expect_eq(directory_lock(in_place("file/data")), ERR_IO);
    cr_expect(strstr(directory_error(), "file"), "%s", directory_error());
}
