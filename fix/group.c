#include "fix/dict.h"
#include "fix/msg.h"

/* The dictionary's place of a tag in this message; NULL if it has none. */
static const struct fix_dict_entry *entry_of(const struct fix_dict_message *d, uint32_t tag)
{
    return tag < FIX_DICT_TAGS && d->entries[tag].order ? &d->entries[tag] : NULL;
}

static bool begin_at(const struct fix_msg *m, const struct fix_field *count_field, struct fix_group *g)
{
    const struct fix_dict_message *d = fix_dict_find(m->type);
    const struct fix_dict_entry *e = d && count_field ? entry_of(d, count_field->tag) : NULL;
    uint64_t count;
    if (!e || !e->child || fix_field_uint(m, count_field, &count) != OK || count > FIX_FIELDS_MAX)
        return false;
    const struct fix_dict_scope *scope = &d->scopes[e->child];
    g->msg = m;
    g->delimiter = scope->delimiter;
    g->count = g->left = (uint32_t)count;
    g->first = g->last = g->end = (uint32_t)(count_field - m->fields) + 1;
    for (; g->end < m->count; g->end++) {
        uint32_t tag = m->fields[g->end].tag;
        const struct fix_dict_entry *x = entry_of(d, tag);
        if (x ? !(scope->within >> x->scope & 1) : tag < FIX_USER_TAG_MIN)
            break;
    }
    return true;
}

bool fix_group_begin(const struct fix_msg *m, uint32_t group_tag, struct fix_group *g)
{
    return begin_at(m, fix_find(m, group_tag), g);
}

bool fix_group_begin_inside(const struct fix_group *outer, uint32_t group_tag, struct fix_group *g)
{
    return begin_at(outer->msg, fix_group_find(outer, group_tag), g);
}

bool fix_group_next(struct fix_group *g)
{
    const struct fix_field *fields = g->msg->fields;
    if (g->left == 0 || g->last == g->end || fields[g->last].tag != g->delimiter)
        return false;
    g->left--;
    g->first = g->last++;
    while (g->last < g->end && fields[g->last].tag != g->delimiter)
        g->last++;
    return true;
}

const struct fix_field *fix_group_find(const struct fix_group *g, uint32_t tag)
{
    for (uint32_t i = g->first; i < g->last; i++)
        if (g->msg->fields[i].tag == tag)
            return &g->msg->fields[i];
    return NULL;
}
