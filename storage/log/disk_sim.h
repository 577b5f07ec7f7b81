/* Simulated disk: the files of a directory in memory, under a made-up clock, with everything that a disk may
 * do to us. The same seed and the same calls give the same behaviour. One thread.
 *
 * A file has pages of 4 KiB, each in the page cache and on the platter. A write reaches the cache at some
 * moment before its completion; a page reaches the platter when a sync that was started after the write
 * completes, or by itself at any time. Process death keeps the cache; a power cut keeps the platter, with
 * each unsynced page, and each operation under way, done, half done or not done, as chance has it. Names
 * follow the order of their changes: a power cut keeps some first part of those that were not synced.
 *
 * The disk outlives the log that uses it: kill (or log_close), then log_open again on the same disk.
 */
#ifndef RFQD_STORAGE_DISK_SIM_H
#define RFQD_STORAGE_DISK_SIM_H

#include <stdbool.h>

#include "storage/log/disk.h"

#define DISK_SIM_PAGE_SIZE   4096u
#define DISK_SIM_SECTOR_SIZE 512u /* what a torn page is made of */
#define DISK_SIM_ALWAYS      UINT32_MAX

/* No latency, no limit of space. ERR_MEMORY. */
enum err disk_sim_create(struct disk **out, uint64_t seed) WARN_UNUSED;

/* Operations take a time by chance between a quarter of these and all of it. They complete at a poll at or
 * after it. */
void disk_sim_set_latency(struct disk *d, uint64_t write_ns, uint64_t sync_ns, uint64_t prepare_ns);
void disk_sim_set_time(struct disk *d, uint64_t now_ns); /* earlier than before: no effect */
/* The earliest completion, UINT64_MAX if nothing is under way. */
uint64_t disk_sim_next_event(const struct disk *d);
/* Files larger than this together: no space. What exists stays. */
void disk_sim_set_capacity(struct disk *d, uint64_t bytes);
uint64_t disk_sim_used(const struct disk *d);
/* Nothing completes before this time. */
void disk_sim_hang(struct disk *d, uint64_t until_ns);
/* The next `count` writes or syncs to be started end with this errno (0: none any more). A sync that fails
 * loses what it was to write, though reads go on seeing it, as Linux does. */
void disk_sim_fail_writes(struct disk *d, int error, uint32_t count);
void disk_sim_fail_syncs(struct disk *d, int error, uint32_t count);
/* prepare and discard: they fail and have changed nothing. */
void disk_sim_fail_jobs(struct disk *d, int error, uint32_t count);

/* Nothing that was under way completes any more. Handles stay valid until closed. */
void disk_sim_kill(struct disk *d);
void disk_sim_power_cut(struct disk *d);
/* Change these bytes, in cache and on the platter. ERR_NOT_FOUND, ERR_RANGE. */
enum err disk_sim_corrupt(struct disk *d, const char *name, uint64_t offset, uint64_t size) WARN_UNUSED;
/* Operations started since it was made. */
uint64_t disk_sim_operations(const struct disk *d);

#endif
