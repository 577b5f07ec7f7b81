/* Line: one entry of the journal as bytes. */
#ifndef RFQD_CONTROL_JOURNAL_LINE_H
#define RFQD_CONTROL_JOURNAL_LINE_H

#include "control/journal/journal.h"

struct journal_entry {
    uint64_t time_ns;
    const char *event;
    uint8_t level;
    uint8_t field_count;
    uint16_t texts_used;
    struct journal_field fields[JOURNAL_FIELDS_MAX]; /* texts point into `texts` */
    char texts[JOURNAL_TEXTS_SIZE];
};

struct journal_style {
    enum journal_format format;
    bool to_systemd;
};

/* With its newline; returns its size. */
size_t journal_line(const struct journal_entry *e, const struct journal_style *style,
                    char out[JOURNAL_LINE_MAX]);

#endif
