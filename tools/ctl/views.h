/* Views: how each command's answer is shown to people. One row of the table a command; what is not in it
 * (a command that a newer rfqd has) is shown as pairs.
 */
#ifndef RFQD_CTL_VIEWS_H
#define RFQD_CTL_VIEWS_H

#include "tools/ctl/table.h"

struct view {
    const char *name;
    const char *arguments;
    const char *sentence;
    void (*show)(FILE *to, struct rows *rows,
                 struct table_style *style); /* NULL: lines of JSON as they come */
};

extern const struct view views[];
extern const unsigned view_count;

/* NULL: none. */
const struct view *view_named(const char *name);
/* The state at a glance: what rfqctl shows without a command, and tools/demo all the time. newest_first and
 * rows_max of the style count for the RFQs in it. The client's error says what failed. */
enum ctl_result view_glance(FILE *to, struct client *c, const struct table_style *style);
/* Its first two lines. */
enum ctl_result view_head(FILE *to, struct client *c);
/* Of `rfqs`: by creation. */
void view_sort(struct rows *rows, bool newest_first);

#endif
