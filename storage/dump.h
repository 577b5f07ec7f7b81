/* Dump: what the store holds, as JSON, one object a line. Any thread; the store may be written meanwhile:
 * each line is of some commit, and a long table is read in parts, so that no page is pinned for long. Lines
 * are given away between two parts, so a taker may be as slow as it likes.
 *
 *   {"table":"rfqs", the entity's fields}                     each table of entities, ended ones too
 *   {"table":"history","rfq":"R…","seq":…,"stream_epoch":…,"writer":…,"time_ns":…,"cause_time_ns":…,
 *    "origin_time_ns":…,"record":{…}}
 *   {"table":"sent","session":…,"generation":…,"seq":…,"record":{…}}
 *   {"table":"orders_rfq","order":"O…","rfq":"R…"}
 *   {"table":"purge","left_ns":…,"rfq":"R…"}
 *   {"table":"marks", what the last commit is the state of}
 *
 * Fields: dataplane/model/describe.h.
 */
#ifndef RFQD_STORAGE_DUMP_H
#define RFQD_STORAGE_DUMP_H

#include "storage/store.h"

#define DUMP_ROWS_PER_SCAN 1000u

/* line: with its newline. false: stop. */
typedef bool dump_line(void *ctx, const char *line, size_t size);

/* ERR_NOT_FOUND: no table has this name ("marks" is always there). ERR_VERSION: a record that only a newer
 * program knows, ERR_CORRUPT: a row that is none of its table's; store_error names it. */
enum err dump_table(struct store *s, const char *table, dump_line *line, void *ctx) WARN_UNUSED;
/* Every table there is, marks first. */
enum err dump_all(struct store *s, dump_line *line, void *ctx) WARN_UNUSED;

#endif
