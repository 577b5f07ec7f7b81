/* Views: how each command's answer is shown to people. One row for each row of the list of commands
 * (control/ops/command_list.h); what is not in it (a command that a newer rfqd has) is shown as pairs.
 */
#ifndef RFQD_CTL_VIEWS_H
#define RFQD_CTL_VIEWS_H

#include "tools/ctl/table.h"

struct view {
    const char *name;
    const char *verb; /* NULL: any */
    unsigned verb_at;
    const char *arguments;
    const char *sentence;
    bool local;   /* rfqctl's own: rfqd has no such command */
    bool patient; /* rfqd may take any time between two lines */
    void (*show)(FILE *to, struct rows *rows, struct table_style *style);
    /* Where rows may come for ever: each as it comes, instead of show. */
    void (*line)(FILE *to, struct json_object *row);
};

extern const struct view views[];
extern const unsigned view_count;

/* The first of this name; NULL: none. */
const struct view *view_named(const char *name);
/* The one whose verb stands where it should among the words behind the name. */
const struct view *view_for(const char *name, unsigned count, const char *const words[]);
/* The state at a glance: what rfqctl shows without a command, and tools/demo all the time. newest_first and
 * rows_max of the style count for the RFQs in it. The client's error says what failed. */
enum ctl_result view_glance(FILE *to, struct client *c, const struct table_style *style);
/* Its first two lines. */
enum ctl_result view_head(FILE *to, struct client *c);
/* Of `rfqs`: by creation. */
void view_sort(struct rows *rows, bool newest_first);

#endif
