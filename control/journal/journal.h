/* Journal: what an operator wants to know of, as structured lines on standard error: start, sessions up and
 * down, a disk that waits, an execution that breaks. Not the record: that is the log (storage/log), and
 * nothing here is needed to recover.
 *
 * Any thread writes; nobody waits. A line is an event (a static name) and typed fields; it goes into a
 * bounded ring of JOURNAL_SLOTS places by one atomic addition, and where the ring is full it is dropped and
 * counted. One thread at a time drains: the control core while cores run, main before and after. It formats
 * there and writes only what the file takes without blocking, so that a reader that hangs costs lines, not
 * time.
 *
 *     journal_say(j, JOURNAL_INFO, "session_up", journal_text("session", s->name), journal_uint("in", 5));
 *
 *   text     2026-02-03T04:05:06.000000007Z info rfqd: session_up session=LP1 in=5
 *   JSON     {"time":"2026-…Z","level":"info","event":"session_up","session":"LP1","in":5}
 *   to the systemd journal ($JOURNAL_STREAM), either after the priority it reads (sd-daemon(3)); of text,
 * time and name are its own:   <6>session_up session=LP1 in=5
 *
 * Rare things only. The agents of the data path write nothing for a message: what happens per message is
 * counted (counters.h) and recorded. A secret is no field.
 *
 * Limits: JOURNAL_SLOTS lines waiting; JOURNAL_FIELDS_MAX fields of a line, those beyond are left out; the
 * texts of a line share JOURNAL_TEXTS_SIZE bytes, what is beyond is cut and ends in "…". Counters:
 * rfqd_journal_lines_total{level}, rfqd_journal_dropped_total; drops are said in the journal too, when there
 * is room again.
 */
#ifndef RFQD_CONTROL_JOURNAL_H
#define RFQD_CONTROL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/counters.h"

enum journal_level { JOURNAL_ERROR, JOURNAL_WARNING, JOURNAL_INFO, JOURNAL_DEBUG, JOURNAL_LEVELS };
enum journal_format { JOURNAL_TEXT, JOURNAL_JSON };

#define JOURNAL_SLOTS       1024u /* a power of two */
#define JOURNAL_THREADS_MAX 64u   /* that write at the same instant */
#define JOURNAL_FIELDS_MAX  8u
#define JOURNAL_KEY_MAX     31u /* characters of a key or an event */
#define JOURNAL_TEXTS_SIZE  480u
#define JOURNAL_LINE_MAX    4096u /* what a pipe takes in one piece (PIPE_BUF) */
#define JOURNAL_DRAIN_MAX   64u   /* lines of one drain */

/* Field: made by the functions below; key is static, text is copied when the line is written. */
struct journal_field {
    const char *key;
    enum journal_kind {
        JOURNAL_FIELD_TEXT,
        JOURNAL_FIELD_UINT,
        JOURNAL_FIELD_DECIMAL,
        JOURNAL_FIELD_BOOL
    } kind;
    uint32_t size; /* of text at most, up to its first zero */
    union {
        const char *text;
        uint64_t number;
    };
};

static inline struct journal_field journal_chars(const char *key, const char *text, size_t size)
{
    return (struct journal_field){key, JOURNAL_FIELD_TEXT, (uint32_t)size, {.text = text}};
}
static inline struct journal_field journal_text(const char *key, const char *text)
{
    return journal_chars(key, text, JOURNAL_TEXTS_SIZE);
}
static inline struct journal_field journal_uint(const char *key, uint64_t value)
{
    return (struct journal_field){key, JOURNAL_FIELD_UINT, 0, {.number = value}};
}
static inline struct journal_field journal_decimal(const char *key, int64_t scaled) /* core/decimal.h */
{
    return (struct journal_field){key, JOURNAL_FIELD_DECIMAL, 0, {.number = (uint64_t)scaled}};
}
static inline struct journal_field journal_bool(const char *key, bool value)
{
    return (struct journal_field){key, JOURNAL_FIELD_BOOL, 0, {.number = value}};
}

struct journal;

struct journal_config {
    int fd; /* standard error; the caller's */
    enum journal_format format;
    enum journal_level level;  /* the least important that is written */
    uint64_t (*clock)(void);   /* UTC ns, of each line */
    struct counters *counters; /* NULL: none */
};

/* Whether fd is the systemd journal's is found out here. ERR_MEMORY. */
enum err journal_create(struct journal **out, const struct journal_config *c) WARN_UNUSED;
/* What was not drained is lost. NULL is allowed. */
void journal_destroy(struct journal *j);
/* They can be had after the journal, which also says why there are none. Before other threads drain; they
 * outlive the journal. */
void journal_count_in(struct journal *j, struct counters *counters);

/* Any thread, wait-free; a NULL journal (simulation, tests) takes everything and keeps nothing. */
void journal_write(struct journal *j, enum journal_level level, const char *event,
                   const struct journal_field *fields, unsigned count);
#define journal_say(j, level, event, ...)                                        \
    journal_write(                                                               \
        j, level, event, (const struct journal_field[]){{0}, ##__VA_ARGS__} + 1, \
        sizeof((const struct journal_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct journal_field) - 1)

/* Any thread. */
void journal_level_set(struct journal *j, enum journal_level level);
enum journal_level journal_level_now(const struct journal *j);
const char *journal_level_name(enum journal_level level);
/* Lines that found no place, since the start. */
uint64_t journal_dropped(const struct journal *j);

/* One thread: write what waits, as far as the file takes it at once. Returns the lines written. */
unsigned journal_drain(struct journal *j);
/* The same until nothing waits, for at most wait_ms at a time in which the file takes nothing: start, stop.
 */
void journal_drain_all(struct journal *j, int wait_ms);

#endif
