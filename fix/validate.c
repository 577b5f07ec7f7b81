#include <assert.h>
#include <emmintrin.h>
#include <string.h>

#include "fix/fix_dict.h"
#include "fix/validate.h"
#include "fix/value.h"

static enum err refuse(struct fix_refusal *why, int reason, uint32_t tag)
{
    static const char *const texts[] = {
        [FIX_SessionRejectReason_INVALID_TAG_NUMBER] = "Invalid tag number",
        [FIX_SessionRejectReason_REQUIRED_TAG_MISSING] = "Required tag missing",
        [FIX_SessionRejectReason_TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE] =
            "Tag not defined for this message type",
        [FIX_SessionRejectReason_TAG_SPECIFIED_WITHOUT_A_VALUE] = "Tag specified without a value",
        [FIX_SessionRejectReason_VALUE_IS_INCORRECT] = "Value is incorrect (out of range) for this tag",
        [FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE] = "Incorrect data format for value",
        [FIX_SessionRejectReason_INVALID_MSGTYPE] = "Invalid MsgType",
        [FIX_SessionRejectReason_TAG_APPEARS_MORE_THAN_ONCE] = "Tag appears more than once",
        [FIX_SessionRejectReason_TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER] = "Tag specified out of required order",
        [FIX_SessionRejectReason_REPEATING_GROUP_FIELDS_OUT_OF_ORDER] = "Repeating group fields out of order",
        [FIX_SessionRejectReason_INCORRECT_NUMINGROUP_COUNT_FOR_REPEATING_GROUP] =
            "Incorrect NumInGroup count for repeating group",
    };
    *why = (struct fix_refusal){reason, tag, texts[reason]};
    return ERR_SYNTAX;
}

/* Values. Each check answers 0, or the reason. */

struct value {
    const char *p;
    uint32_t size;
    bool wide; /* sixteen bytes can be read at p */
};

/* Bit i: p[i] is a digit (of *dots: a '.'), for the first sixteen bytes at most. */
static inline uint32_t digit_bits(const struct value *v, uint32_t *dots)
{
    char copy[16] = {0};
    const char *p = v->p;
    if (!v->wide) {
        memcpy(copy, v->p, v->size < 16 ? v->size : 16);
        p = copy;
    }
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i d = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    *dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d));
}

static bool is_decimal_long(const struct value *v)
{
    uint32_t digits = 0, dots = 0, i = v->p[0] == '-';
    for (; i < v->size; i++) {
        unsigned char c = (unsigned char)v->p[i];
        if (c == '.')
            dots++;
        else if (c >= '0' && c <= '9')
            digits++;
        else
            return false;
    }
    return digits > 0 && dots <= 1;
}

static inline bool is_decimal(const struct value *v)
{
    if (v->size > 16)
        return is_decimal_long(v);
    uint32_t dots, all = (uint32_t)((1ull << v->size) - 1), digits = digit_bits(v, &dots) & all;
    dots &= all;
    all -= v->p[0] == '-' ? 1u : 0u;
    return (digits | dots) == all && digits && (dots & (dots - 1)) == 0;
}

static inline bool is_number(const struct value *v, bool minus)
{
    if (v->size > 16) {
        int64_t ignored;
        return fix_read_int(v->p, v->size, &ignored) == OK && (minus || v->p[0] != '-');
    }
    uint32_t dots, all = (uint32_t)((1ull << v->size) - 1), digits = digit_bits(v, &dots) & all;
    all -= minus && v->p[0] == '-' ? 1u : 0u;
    return digits == all && digits;
}

static bool are_letters(const struct value *v, uint32_t size)
{
    if (v->size != size)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if ((unsigned char)((v->p[i] | 0x20) - 'a') > 25)
            return false;
    return true;
}

/* YYYYMM, YYYYMMDD or YYYYMMw1 … w5 */
static bool is_month_year(const struct value *v)
{
    struct clock_civil c;
    char whole[8];
    if (v->size == 8 && v->p[6] != 'w')
        return fix_read_date(v->p, 8, &c) == OK;
    if (v->size != 6 && (v->size != 8 || v->p[7] < '1' || v->p[7] > '5'))
        return false;
    memcpy(whole, v->p, 6);
    memcpy(whole + 6, "01", 2);
    return fix_read_date(whole, 8, &c) == OK;
}

static inline bool has_char(const struct fix_dict_enum *set, unsigned char c)
{
    return set->bits[c >> 6] >> (c & 63) & 1;
}

static bool has_text(const struct fix_dict_enum *set, const char *p, uint32_t size)
{
    uint64_t key[2] = {0, 0};
    if (size == 1 && has_char(set, (unsigned char)*p))
        return true;
    if (!set->texts || size > sizeof key)
        return false;
    memcpy(key, p, size);
    for (uint32_t at = fix_dict_text_hash(key[0], key[1]);; at++) {
        const struct fix_dict_text *t = &set->texts[at & set->text_mask];
        if (!t->key[0])
            return false;
        if (t->key[0] == key[0] && t->key[1] == key[1])
            return true;
    }
}

static bool has_number(const struct fix_dict_enum *set, const struct value *v)
{
    int64_t n;
    return fix_read_int(v->p, v->size, &n) == OK && n >= 0 && n < 128 &&
           (set->numbers[n >> 6] >> (n & 63) & 1);
}

/* MultipleValueString: values with one blank between. */
static int check_multi(const struct fix_dict_enum *set, const struct value *v, bool enumerated)
{
    for (uint32_t at = 0; at <= v->size;) {
        const char *blank = memchr(v->p + at, ' ', v->size - at);
        uint32_t end = blank ? (uint32_t)(blank - v->p) : v->size;
        if (end == at)
            return FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE;
        if (enumerated && !has_text(set, v->p + at, end - at))
            return FIX_SessionRejectReason_VALUE_IS_INCORRECT;
        at = end + 1;
    }
    return 0;
}

static int check_value(const struct fix_dict_entry *e, const struct value *v)
{
    const struct fix_dict_enum *set = &fix_dict_enums[e->enums];
    struct clock_civil civil;
    bool good = true;
    switch ((enum fix_type)e->type) {
    case FIX_TYPE_STRING:
        return e->enums && !has_text(set, v->p, v->size) ? FIX_SessionRejectReason_VALUE_IS_INCORRECT : 0;
    case FIX_TYPE_DECIMAL:
        good = is_decimal(v);
        break;
    case FIX_TYPE_CHAR:
        if (v->size != 1)
            return FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE;
        return e->enums && !has_char(set, (unsigned char)*v->p) ? FIX_SessionRejectReason_VALUE_IS_INCORRECT
                                                                : 0;
    case FIX_TYPE_INT:
        if (!is_number(v, true))
            return FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE;
        return e->enums && !has_number(set, v) ? FIX_SessionRejectReason_VALUE_IS_INCORRECT : 0;
    case FIX_TYPE_UINT:
        good = is_number(v, false);
        break;
    case FIX_TYPE_TIMESTAMP:
        good = fix_is_timestamp(v->p, v->size);
        break;
    case FIX_TYPE_CURRENCY:
        good = are_letters(v, 3);
        break;
    case FIX_TYPE_DATE:
        good = fix_read_date(v->p, v->size, &civil) == OK;
        break;
    case FIX_TYPE_BOOLEAN:
        good = v->size == 1 && (*v->p == 'Y' || *v->p == 'N');
        break;
    case FIX_TYPE_MULTI:
        return check_multi(set, v, e->enums != 0);
    case FIX_TYPE_COUNTRY:
        good = are_letters(v, 2);
        break;
    case FIX_TYPE_TIME:
        good = fix_read_clock(v->p, v->size, &civil) == OK;
        break;
    case FIX_TYPE_MONTH_YEAR:
        good = is_month_year(v);
        break;
    case FIX_TYPE_DATA:
        break;
    }
    return good ? 0 : FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE;
}

/* Structure: the open groups as a stack, the top level below. */

struct level {
    const struct fix_dict_scope *scope;
    uint8_t number;
    uint16_t last_order;    /* of the present instance */
    uint16_t required_seen; /* in the present instance */
    uint32_t stated, instances;
};

struct walk {
    const struct fix_msg *m;
    const struct fix_dict_message *d;
    struct fix_refusal *why;
    unsigned rank;
    struct level *top;
    struct level levels[FIX_DICT_DEPTH_MAX + 1];
    uint64_t seen[FIX_DICT_SLOTS_MAX / 64]; /* top level */
};

/* The first required tag of this scope that fields [first, last) lack. */
static enum err refuse_missing(struct walk *w, unsigned scope, uint32_t last)
{
    for (uint32_t tag = 1; tag < FIX_DICT_TAGS; tag++) {
        const struct fix_dict_entry *e = &w->d->entries[tag];
        if (!e->order || e->scope != scope || !(e->flags & FIX_ENTRY_REQUIRED))
            continue;
        uint32_t i = last;
        while (i-- > 0 && w->m->fields[i].tag != tag)
            if (scope && w->m->fields[i].tag == w->d->scopes[scope].delimiter) {
                i = UINT32_MAX;
                break;
            }
        if (i == UINT32_MAX)
            return refuse(w->why, FIX_SessionRejectReason_REQUIRED_TAG_MISSING, tag);
    }
    return refuse(w->why, FIX_SessionRejectReason_REQUIRED_TAG_MISSING, 0);
}

/* Is the present instance (if any) of the top group whole? */
static inline enum err end_instance(struct walk *w, uint32_t at)
{
    const struct level *l = w->top;
    if (l->instances && l->required_seen != l->scope->required_count)
        return refuse_missing(w, l->number, at);
    return OK;
}

static enum err close_group(struct walk *w, uint32_t at)
{
    const struct level *l = w->top;
    enum err e = end_instance(w, at);
    if (e == OK && l->instances != l->stated)
        e = refuse(w->why, FIX_SessionRejectReason_INCORRECT_NUMINGROUP_COUNT_FOR_REPEATING_GROUP,
                   l->scope->group_tag);
    w->top--;
    return e;
}

static enum err open_group(struct walk *w, const struct fix_dict_entry *e, const struct value *v)
{
    uint64_t stated;
    if (fix_read_uint(v->p, v->size, &stated) != OK || stated > FIX_FIELDS_MAX)
        stated = FIX_FIELDS_MAX + 1; /* more than can be there */
    w->top++;
    *w->top =
        (struct level){.scope = &w->d->scopes[e->child], .number = e->child, .stated = (uint32_t)stated};
    return OK;
}

static inline enum err place_in_group(struct walk *w, const struct fix_dict_entry *e, uint32_t tag,
                                      uint32_t at)
{
    struct level *l = w->top;
    if (tag == l->scope->delimiter) {
        enum err error = end_instance(w, at);
        if (error != OK)
            return error;
        l->instances++;
        l->required_seen = 0;
    } else if (l->instances == 0 || e->order < l->last_order) {
        return refuse(w->why, FIX_SessionRejectReason_REPEATING_GROUP_FIELDS_OUT_OF_ORDER, tag);
    } else if (e->order == l->last_order) {
        return refuse(w->why, FIX_SessionRejectReason_TAG_APPEARS_MORE_THAN_ONCE, tag);
    }
    l->last_order = e->order;
    l->required_seen = (uint16_t)(l->required_seen + (e->flags & FIX_ENTRY_REQUIRED));
    return OK;
}

static inline enum err place_at_top(struct walk *w, const struct fix_dict_entry *e, uint32_t tag)
{
    unsigned rank = e->flags & (FIX_ENTRY_BODY | FIX_ENTRY_TRAILER);
    uint64_t bit = 1ull << (e->order & 63), *word = &w->seen[e->order >> 6];
    if (rank < w->rank)
        return refuse(w->why, FIX_SessionRejectReason_TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER, tag);
    if (*word & bit)
        return refuse(w->why, FIX_SessionRejectReason_TAG_APPEARS_MORE_THAN_ONCE, tag);
    w->rank = rank;
    *word |= bit;
    return OK;
}

/* Find the level that the field belongs to, closing the groups above it. */
static inline enum err place(struct walk *w, const struct fix_dict_entry *e, uint32_t tag, uint32_t at)
{
    while (w->top->number != e->scope) {
        if (w->top->scope->within >> e->scope & 1) {
            /* of a group inside this one, but not right after its count, or without one */
            uint32_t group_tag = w->d->scopes[e->scope].group_tag;
            return refuse(w->why,
                          fix_find(w->m, group_tag)
                              ? FIX_SessionRejectReason_REPEATING_GROUP_FIELDS_OUT_OF_ORDER
                              : FIX_SessionRejectReason_TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE,
                          tag);
        }
        enum err error = close_group(w, at);
        if (error != OK)
            return error;
    }
    return e->scope ? place_in_group(w, e, tag, at) : place_at_top(w, e, tag);
}

static enum err stray_tag(struct walk *w, const struct fix_field *f, bool admit_user_tags)
{
    if (f->tag >= FIX_USER_TAG_MIN && admit_user_tags)
        return f->size ? OK : refuse(w->why, FIX_SessionRejectReason_TAG_SPECIFIED_WITHOUT_A_VALUE, f->tag);
    bool known = f->tag < FIX_DICT_TAGS && f->tag <= 956; /* the last of FIX 4.4 */
    return refuse(w->why,
                  known ? FIX_SessionRejectReason_TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE
                        : FIX_SessionRejectReason_INVALID_TAG_NUMBER,
                  f->tag);
}

static inline enum err check_field(struct walk *w, uint32_t at, bool admit_user_tags)
{
    const struct fix_field *f = &w->m->fields[at];
    const struct fix_dict_entry *e = f->tag < FIX_DICT_TAGS ? &w->d->entries[f->tag] : NULL;
    if (!e || !e->order)
        return stray_tag(w, f, admit_user_tags);
    if (f->size == 0)
        return refuse(w->why, FIX_SessionRejectReason_TAG_SPECIFIED_WITHOUT_A_VALUE, f->tag);
    enum err error = place(w, e, f->tag, at);
    if (error != OK)
        return error;
    struct value v = {w->m->bytes + f->offset, f->size, f->offset + 16 <= w->m->size};
    int reason = check_value(e, &v);
    if (reason)
        return refuse(w->why, reason, f->tag);
    return e->child ? open_group(w, e, &v) : OK;
}

/* The quick way: is the message good? It says so only of one that the careful way above would pass too;
 * whatever it does not like, it leaves to that, which knows the first fault and its reason. Fields that
 * repeat at top level show by the tag index (it has the first of each), so that a count of the required ones
 * is enough. */

struct open_group {
    const struct fix_dict_scope *scope;
    uint32_t number, stated, instances, last_order, required_seen;
};

static bool group_whole(const struct open_group *g)
{
    return g->instances == g->stated && (g->instances == 0 || g->required_seen == g->scope->required_count);
}

/* Close groups down to the one with this number; NULL if one is not whole, or it is not open. */
static struct open_group *close_down_to(struct open_group *g, uint32_t number)
{
    while (g->number != number) {
        if (g->scope->within >> number & 1 || !group_whole(g))
            return NULL;
        g--;
    }
    return g;
}

static inline bool placed_in_group(struct open_group *g, const struct fix_dict_entry *e, uint32_t tag)
{
    if (tag == g->scope->delimiter) {
        if (g->instances && g->required_seen != g->scope->required_count)
            return false;
        g->instances++;
        g->required_seen = 0;
    } else if (g->instances == 0 || e->order <= g->last_order) {
        return false;
    }
    g->last_order = e->order;
    g->required_seen += e->flags & FIX_ENTRY_REQUIRED;
    return true;
}

/* Whatever is not among the common kinds below. Out of line, so that those need no memory for their value. */
static __attribute__((noinline)) bool other_value_good(const struct fix_msg *m, const struct fix_field *f,
                                                       uint8_t type, uint16_t enums)
{
    struct value v = {m->bytes + f->offset, f->size, f->offset + 16 <= m->size};
    return check_value(&(struct fix_dict_entry){.type = type, .enums = enums}, &v) == 0;
}

/* Digits with a minus before and a point among them, where they may be. Sixteen bytes can be read at p, and
 * the value has no more. */
static inline bool digits_good(const char *p, uint32_t size, bool minus, bool point)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i d = _mm_sub_epi8(x, _mm_set1_epi8('0'));
    uint32_t all = (1u << size) - 1;
    uint32_t digits = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d)) & all;
    all -= minus && *p == '-';
    uint32_t others = all & ~digits; /* none, or one that is the point */
    if (!point)
        return digits && !others;
    uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')));
    return digits && !(others & ~points) && !(others & (others - 1));
}

/* wide_end: up to this offset sixteen bytes can be read. */
static inline bool value_good(const struct fix_msg *m, const struct fix_field *f, uint32_t wide_end,
                              uint8_t type, uint16_t enums)
{
    const struct fix_dict_enum *set = &fix_dict_enums[enums];
    const char *p = m->bytes + f->offset;
    struct clock_civil civil;
    switch ((enum fix_type)type) {
    case FIX_TYPE_STRING:
        return !enums || (f->size == 1 && has_char(set, (unsigned char)*p)) || has_text(set, p, f->size);
    case FIX_TYPE_CHAR:
        return f->size == 1 && has_char(set, (unsigned char)*p);
    case FIX_TYPE_INT:
        if (enums && f->size == 1)
            return has_char(set, (unsigned char)*p);
        break;
    case FIX_TYPE_UINT:
        if (f->offset <= wide_end && f->size <= 16)
            return digits_good(p, f->size, false, false);
        break;
    case FIX_TYPE_DECIMAL:
        if (f->offset <= wide_end && f->size <= 16)
            return digits_good(p, f->size, true, true);
        break;
    case FIX_TYPE_TIMESTAMP:
        return fix_is_timestamp(p, f->size);
    case FIX_TYPE_DATE:
        return fix_read_date(p, f->size, &civil) == OK;
    default:
        break;
    }
    return other_value_good(m, f, type, enums);
}

static inline uint32_t wide_end_of(const struct fix_msg *m)
{
    return m->size < 16 ? 0 : m->size - 16;
}

bool fix_validate_quickly(const struct fix_msg *m, const struct fix_dict_message *d, bool admit_user_tags)
{
    const struct fix_dict_entry *entries = d->entries;
    struct open_group groups[FIX_DICT_DEPTH_MAX + 1], *g = groups;
    uint32_t required = 0, rank = 0, count = m->count, wide_end = wide_end_of(m);
    g->scope = d->scopes;
    g->number = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct fix_field *f = &m->fields[i];
        uint32_t tag = f->tag;
        if (tag >= FIX_DICT_TAGS) {
            if (!admit_user_tags || tag < FIX_USER_TAG_MIN || !f->size)
                return false;
            continue;
        }
        const struct fix_dict_entry *e = &entries[tag];
        if (!e->order || !f->size || !value_good(m, f, wide_end, e->type, e->enums))
            return false;
        if (e->scope != g->number && !(g = close_down_to(g, e->scope)))
            return false;
        if (e->scope == 0) {
            uint32_t next_rank = e->flags & (FIX_ENTRY_BODY | FIX_ENTRY_TRAILER);
            if (m->index[tag] != i || next_rank < rank)
                return false;
            rank = next_rank;
            required += e->flags & FIX_ENTRY_REQUIRED;
        } else if (!placed_in_group(g, e, tag)) {
            return false;
        }
        if (e->child) {
            uint64_t stated;
            if (fix_read_uint(m->bytes + f->offset, f->size, &stated) != OK || stated > FIX_FIELDS_MAX)
                return false;
            *++g = (struct open_group){&d->scopes[e->child], e->child, (uint32_t)stated, 0, 0, 0};
        }
    }
    return close_down_to(g, 0) && required == d->scopes[0].required_count;
}

enum err fix_validate_carefully(const struct fix_msg *m, const struct fix_dict_message *d,
                                bool admit_user_tags, struct fix_refusal *why)
{
    struct walk w = {.m = m, .d = d, .why = why};
    w.top = w.levels;
    w.levels[0].scope = &d->scopes[0];
    for (uint32_t i = 0; i < m->count; i++) {
        enum err error = check_field(&w, i, admit_user_tags);
        if (error != OK)
            return error;
    }
    while (w.top != w.levels) {
        enum err error = close_group(&w, m->count);
        if (error != OK)
            return error;
    }
    for (unsigned i = 0; i <= d->slot_count / 64u; i++)
        if (d->required[i] & ~w.seen[i])
            return refuse_missing(&w, 0, m->count);
    return OK;
}

/* Shapes. Where fields may stand depends on the tags, their order and the counts of groups alone: a message
 * that has these in common with one that was good needs only its values looked at. */

/* Where shapes of this type and number of fields are kept: a quote that bids has as many as one that offers.
 */
static struct fix_shape *shapes_for(const struct fix_msg *m)
{
    return m->shapes ? m->shapes->sets[(m->type * 37 + m->count) % FIX_SHAPE_SETS] : NULL;
}

static bool states(const struct fix_msg *m, const struct fix_field *f, uint32_t count)
{
    uint64_t stated;
    return fix_read_uint(m->bytes + f->offset, f->size, &stated) == OK && stated == count;
}

static bool has_shape(const struct fix_msg *m, const struct fix_shape *s)
{
    uint32_t wide_end = wide_end_of(m);
    if (s->type != m->type || s->count != m->count || s->count == 0)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct fix_shape_field *is = &s->fields[i];
        const struct fix_field *f = &m->fields[i];
        if (f->tag != is->tag || !f->size || !value_good(m, f, wide_end, is->type, is->enums))
            return false;
        if (is->group && !states(m, f, is->stated))
            return false;
    }
    return true;
}

/* Shapes with tags beyond the dictionary are not kept: whether they are good depends on the session. */
static bool can_be_kept(const struct fix_msg *m, const struct fix_dict_message *d)
{
    if (m->count > FIX_SHAPE_FIELDS_MAX)
        return false;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct fix_field *f = &m->fields[i];
        uint64_t stated;
        if (f->tag >= FIX_DICT_TAGS)
            return false;
        if (d->entries[f->tag].child &&
            (fix_read_uint(m->bytes + f->offset, f->size, &stated) != OK || stated > UINT16_MAX))
            return false;
    }
    return true;
}

/* Of a good message. What cannot be kept takes no other's place: it would do so each time that it comes. */
static void keep_shape(const struct fix_msg *m, struct fix_shape *set, const struct fix_dict_message *d)
{
    if (!can_be_kept(m, d))
        return;
    struct fix_shape *s = &set[m->shapes->turn++ % FIX_SHAPES_ALIKE];
    for (uint32_t i = 0; i < m->count; i++) {
        const struct fix_field *f = &m->fields[i];
        const struct fix_dict_entry *e = &d->entries[f->tag];
        uint64_t stated = 0;
        bool read = !e->child || fix_read_uint(m->bytes + f->offset, f->size, &stated) == OK;
        assert(read); /* can_be_kept */
        (void)read;
        s->fields[i] = (struct fix_shape_field){.tag = (uint16_t)f->tag,
                                                .type = e->type,
                                                .group = e->child != 0,
                                                .enums = e->enums,
                                                .stated = (uint16_t)stated};
    }
    s->type = m->type;
    s->count = m->count;
}

enum err fix_validate(const struct fix_msg *m, bool admit_user_tags, struct fix_refusal *why)
{
    struct fix_shape *set = shapes_for(m);
    for (unsigned i = 0; set && i < FIX_SHAPES_ALIKE; i++)
        if (has_shape(m, &set[i]))
            return OK;
    const struct fix_dict_message *d = fix_dict_find(m->type);
    if (!d) {
        bool user = (m->type & 0xff) == 'U' && admit_user_tags;
        return user || fix_dict_type_defined(m->type)
                   ? OK
                   : refuse(why, FIX_SessionRejectReason_INVALID_MSGTYPE, 35);
    }
    if (!fix_validate_quickly(m, d, admit_user_tags))
        return fix_validate_carefully(m, d, admit_user_tags, why);
    if (set)
        keep_shape(m, set, d);
    return OK;
}
