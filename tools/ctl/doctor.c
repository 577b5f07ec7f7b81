#include "tools/ctl/doctor.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOUND_SIZE      4096
#define NIC_MBIT_MIN    10000
#define SHARED_SIZE_MIN (1ull << 30) /* two engines' rings, a gateway's, and room for a second instance */

struct examination {
    const char *root;
    struct rows *rows;
};

/* The file's first line, "" where there is none. */
static const char *line_of(const struct examination *x, const char *path, char out[FOUND_SIZE])
{
    char full[FOUND_SIZE];
    out[0] = 0;
    snprintf(full, sizeof full, "%s%s", x->root, path);
    FILE *f = fopen(full, "re");
    if (!f)
        return out;
    if (!fgets(out, FOUND_SIZE, f))
        out[0] = 0;
    out[strcspn(out, "\n")] = 0;
    fclose(f);
    return out;
}

/* The word in the file's first line that begins with `name`, or the line of a longer file that does. */
static bool has_word(const struct examination *x, const char *path, const char *name)
{
    char full[FOUND_SIZE], line[FOUND_SIZE];
    bool found = false;
    snprintf(full, sizeof full, "%s%s", x->root, path);
    FILE *f = fopen(full, "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof line, f)) {
        char *at = line, *word;
        while (!found && (word = strsep(&at, " \t\n")) != NULL)
            found = strcmp(word, name) == 0;
    }
    fclose(f);
    return found;
}

static void finding(struct examination *x, const char *check, bool fine, const char *found,
                    const char *remedy)
{
    struct rows *r = x->rows;
    struct json_object *row = json_object_new_object();
    if (!row)
        exit(CTL_FAILED);
    json_object_object_add(row, "check", json_object_new_string(check));
    json_object_object_add(row, "found", json_object_new_string(found));
    json_object_object_add(row, "verdict", json_object_new_string(fine ? "fine" : "look"));
    json_object_object_add(row, "remedy", json_object_new_string(fine ? "" : remedy));
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 16;
        r->row = realloc(r->row, r->capacity * sizeof *r->row);
        if (!r->row)
            exit(CTL_FAILED);
    }
    r->row[r->count++] = row;
}

static void examine_cores(struct examination *x)
{
    char text[FOUND_SIZE];
    line_of(x, "/sys/devices/system/cpu/isolated", text);
    finding(
        x, "isolated cores", *text, *text ? text : "none",
        "kernel parameter isolcpus=2,3 for the cores in `cores`; without it the scheduler puts others there");
    line_of(x, "/sys/devices/system/cpu/nohz_full", text);
    bool ticks = !*text || strstr(text, "null");
    finding(x, "cores without ticks", !ticks, ticks ? "none" : text,
            "kernel parameter nohz_full=2,3, as isolcpus");
    line_of(x, "/sys/devices/system/cpu/smt/active", text);
    finding(x, "sibling threads", strcmp(text, "1") != 0, strcmp(text, "1") == 0 ? "active" : "off or none",
            "leave the siblings of polling cores idle, or boot with nosmt");
}

static void examine_governors(struct examination *x)
{
    static const char pattern[] = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor";
    char full[FOUND_SIZE], text[FOUND_SIZE];
    glob_t found = {0};
    unsigned other = 0;
    snprintf(full, sizeof full, "%s%s", x->root, pattern);
    if (glob(full, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            other += strcmp(line_of(x, found.gl_pathv[i] + strlen(x->root), text), "performance") != 0;
    if (found.gl_pathc)
        snprintf(text, sizeof text, "%zu of %zu cores on 'performance'", found.gl_pathc - other,
                 found.gl_pathc);
    else
        snprintf(text, sizeof text, "not ours to choose here");
    finding(x, "frequency governor", other == 0, text, "cpupower frequency-set -g performance");
    globfree(&found);
}

static void examine_clock(struct examination *x)
{
    char text[FOUND_SIZE];
    line_of(x, "/sys/devices/system/clocksource/clocksource0/current_clocksource", text);
    finding(x, "clock source", strcmp(text, "tsc") == 0, *text ? text : "unknown",
            "kernel parameter tsc=reliable, where the hardware keeps its TSCs alike; reading another costs a "
            "system call");
    bool steady = has_word(x, "/proc/cpuinfo", "constant_tsc") && has_word(x, "/proc/cpuinfo", "nonstop_tsc");
    finding(x, "steady TSC", steady, steady ? "constant_tsc nonstop_tsc" : "not said by the CPU",
            "stages' times are only as good as this clock; on a virtual machine ask for the host's TSC");
    bool guest = has_word(x, "/proc/cpuinfo", "hypervisor");
    finding(x, "own hardware", !guest, guest ? "a virtual machine" : "yes",
            "a host takes time away without telling: measure its pauses before trusting any tail");
}

static void examine_memory(struct examination *x)
{
    char text[FOUND_SIZE], full[FOUND_SIZE];
    struct rlimit limit;
    struct statvfs shared;
    snprintf(full, sizeof full, "%s/proc/swaps", x->root);
    unsigned swaps = 0;
    FILE *f = fopen(full, "re");
    while (f && fgets(text, sizeof text, f))
        swaps++;
    if (f)
        fclose(f);
    finding(x, "swap", swaps <= 1, swaps <= 1 ? "none" : "in use",
            "swapoff -a: a page fetched from a disk is milliseconds");
    line_of(x, "/sys/kernel/mm/transparent_hugepage/enabled", text);
    bool merges = strstr(text, "[always]") != NULL;
    finding(x, "transparent huge pages", !merges, *text ? text : "unknown",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: the kernel stops threads to merge "
            "pages");
    if (*x->root)
        return; /* what follows is of this process and this file system */
    bool has = getrlimit(RLIMIT_MEMLOCK, &limit) == 0;
    if (has && limit.rlim_cur == RLIM_INFINITY)
        snprintf(text, sizeof text, "unlimited");
    else
        snprintf(text, sizeof text, "%llu KiB", has ? (unsigned long long)limit.rlim_cur / 1024 : 0);
    finding(x, "memory that may be locked", has && limit.rlim_cur >= SHARED_SIZE_MIN, text,
            "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit: rings that are not locked can be "
            "paged out");
    bool mounted = statvfs("/dev/shm", &shared) == 0;
    uint64_t room = mounted ? (uint64_t)shared.f_bavail * shared.f_frsize : 0;
    snprintf(text, sizeof text, "%llu MiB free", (unsigned long long)(room >> 20));
    finding(x, "shared memory", room >= SHARED_SIZE_MIN, text,
            "mount -o remount,size=2G /dev/shm, or smaller ring_gateway_mib and ring_engine_mib");
}

static unsigned long number_of(const struct examination *x, const char *directory, const char *name)
{
    char path[FOUND_SIZE], text[FOUND_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return strtoul(line_of(x, path, text), NULL, 10);
}

/* What matches, as paths behind the root. */
static size_t find(const struct examination *x, const char *pattern, glob_t *found)
{
    char full[FOUND_SIZE];
    snprintf(full, sizeof full, "%s%s", x->root, pattern);
    return glob(full, 0, NULL, found) == 0 ? found->gl_pathc : 0;
}

/* Of every size that has any: reserved, and free. */
static void examine_huge_pages(struct examination *x)
{
    static const char pattern[] = "/sys/kernel/mm/hugepages/hugepages-*kB";
    char text[256] = "";
    unsigned long any_free = 0;
    size_t used = 0;
    glob_t found = {0};
    for (size_t i = 0, count = find(x, pattern, &found); i < count; i++) {
        const char *at = found.gl_pathv[i] + strlen(x->root);
        unsigned long reserved = number_of(x, at, "nr_hugepages"), left = number_of(x, at, "free_hugepages");
        any_free += left;
        if (reserved && used < sizeof text)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%lu of %lu KiB reserved, %lu free",
                                 used ? "; " : "", reserved, strtoul(strrchr(at, '-') + 1, NULL, 10), left);
    }
    finding(
        x, "huge pages", any_free > 0, *text ? text : "none reserved",
        "sysctl vm.nr_hugepages=512 (2 MiB each), early: DPDK takes its memory from them, and those that are "
        "in use are not free for the next start");
    globfree(&found);
}

/* Drivers whose queues user space can poll: by DPDK, or by AF_XDP without a copy. */
static bool is_pollable(const char *driver)
{
    static const char *const known[] = {"mlx5_core", "ice", "i40e", "iavf", "ixgbe",
                                        "ixgbevf",   "igc", "ena",  "gve",  "sfc",
                                        "bnxt_en",   "nfp", "igb",  "qede", "hns3"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], driver) == 0)
            return true;
    return false;
}

static void examine_nic(struct examination *x, const char *nic)
{
    char path[FOUND_SIZE], link[FOUND_SIZE], text[FOUND_SIZE], check[64];
    snprintf(path, sizeof path, "%s%s/device/driver", x->root, nic);
    ssize_t size = readlink(path, link, sizeof link - 1);
    link[size > 0 ? size : 0] = 0;
    const char *driver = strrchr(link, '/') ? strrchr(link, '/') + 1 : link;
    snprintf(path, sizeof path, "%s/speed", nic);
    long mbit = strtol(line_of(x, path, text), NULL, 10); /* -1: it does not say */
    snprintf(check, sizeof check, "driver of NIC %.20s", strrchr(nic, '/') + 1);
    finding(x, check, is_pollable(driver), *driver ? driver : "unknown",
            "a NIC whose driver DPDK or AF_XDP (without a copy) can poll, such as mlx5_core, ice, i40e; with "
            "others rfqd goes by the kernel's sockets");
    snprintf(check, sizeof check, "speed of NIC %.20s", strrchr(nic, '/') + 1);
    if (mbit > 0)
        snprintf(text, sizeof text, "%ld Mbit/s", mbit);
    else
        snprintf(text, sizeof text, "not said: no link, or a virtual NIC");
    finding(x, check, mbit >= NIC_MBIT_MIN, text,
            "10 Gbit/s or more: at 1 Gbit/s a frame of 300 bytes takes 2.4 us to be on the wire; look at "
            "ethtool, cable and switch");
}

/* Those with hardware behind them; which of them a port is on, its address says (ip addr). */
static void examine_nics(struct examination *x)
{
    glob_t found = {0};
    size_t count = find(x, "/sys/class/net/*/device", &found);
    for (size_t i = 0; i < count; i++) {
        char *at = found.gl_pathv[i] + strlen(x->root);
        *strrchr(at, '/') = 0; /* without "/device" */
        examine_nic(x, at);
    }
    if (!count)
        finding(
            x, "NIC", false, "none with hardware behind it",
            "pass a NIC, or a virtual function of one, to this machine; a container sees none of its host's");
    globfree(&found);
}

static void examine_kernel(struct examination *x)
{
    char text[FOUND_SIZE];
    line_of(x, "/proc/sys/kernel/io_uring_disabled", text);
    finding(x, "io_uring", !*text || strcmp(text, "0") == 0,
            !*text || strcmp(text, "0") == 0 ? "allowed" : "disabled",
            "sysctl kernel.io_uring_disabled=0: rfqd needs it for sockets and for the log");
    unsigned major = 0, minor = 0;
    line_of(x, "/proc/sys/kernel/osrelease", text);
    bool known = sscanf(text, "%u.%u", &major, &minor) == 2;
    finding(x, "kernel", known && major >= 6, *text ? text : "unknown",
            "6.0 or newer: multishot receive and single-issuer rings");
}

void doctor_rows(const char *root, struct rows *out)
{
    struct examination x = {.root = root, .rows = out};
    memset(out, 0, sizeof *out);
    examine_cores(&x);
    examine_governors(&x);
    examine_clock(&x);
    examine_huge_pages(&x);
    examine_memory(&x);
    examine_nics(&x);
    examine_kernel(&x);
}
