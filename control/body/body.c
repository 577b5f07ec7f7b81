#include "control/body/body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/body/inside.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/decimal.h"
#include "dataplane/model/state.h"

#define MEMBER(type_, owner, field, name_)                                 \
    .name = name_, .type = type_, .offset = offsetof(struct owner, field), \
    .size = sizeof(((struct owner *)0)->field)
#define TABLE(members)                            \
    {                                             \
        members, sizeof members / sizeof *members \
    }
#define MS_MAX 2592000000ll /* 30 days */

/* What can be asked
 * -------------------------------------------------------------------------------------------------------- */

static const struct body_choice sides[] = {
    {"buy", SIDE_BUY}, {"sell", SIDE_SELL}, {"twoWay", SIDE_TWO_WAY}, {NULL, 0}};
static const struct body_choice dealt_sides[] = {{"buy", SIDE_BUY}, {"sell", SIDE_SELL}, {NULL, 0}};
static const struct body_choice cancel_reasons[] = {{"requirements_changed", REASON_REQUIREMENTS_CHANGED},
                                                    {"budget_withdrawn", REASON_BUDGET_WITHDRAWN},
                                                    {"schedule_changed", REASON_SCHEDULE_CHANGED},
                                                    {"duplicate_rfq", REASON_DUPLICATE_RFQ},
                                                    {"lp_issue", REASON_LP_ISSUE},
                                                    {"taker_request", REASON_TAKER_REQUEST},
                                                    {NULL, 0}};

static const struct body_member rfq_members[] = {
    {MEMBER(BODY_TEXT, body_rfq, symbol, "symbol"), .required = true, .min = 1},
    {MEMBER(BODY_CHOICE, body_rfq, side, "side"), .required = true, .choices = sides},
    {MEMBER(BODY_DECIMAL, body_rfq, quantity, "quantity"), .required = true, .min = 1, .max = INT64_MAX},
    {MEMBER(BODY_TEXT, body_rfq, reference, "reference"), .min = 1},
    {MEMBER(BODY_TIME, body_rfq, expires_ns, "expiresAt")},
    {MEMBER(BODY_MS, body_rfq, timeout_ns, "timeoutMs"), .min = 1, .max = MS_MAX},
    {MEMBER(BODY_FLAG, body_rfq, all_or_none, "allOrNone")},
    {MEMBER(BODY_DATE, body_rfq, settl_date, "settlDate")},
};

static const struct body_member accept_members[] = {
    {MEMBER(BODY_QUOTE, body_accept, quote, "quoteId"), .required = true},
    {MEMBER(BODY_CHOICE, body_accept, side, "side"), .choices = dealt_sides},
    {MEMBER(BODY_DECIMAL, body_accept, quantity, "quantity"), .min = 1, .max = INT64_MAX},
    {MEMBER(BODY_DECIMAL, body_accept, price, "price"), .min = 1, .max = INT64_MAX},
};

static const struct body_member cancel_members[] = {
    {MEMBER(BODY_CHOICE, body_cancel, reason, "reason"), .choices = cancel_reasons},
};

static const struct body_member extend_members[] = {
    {MEMBER(BODY_SENTENCE, body_extend, reason, "reason"), .required = true, .min = 1},
    {MEMBER(BODY_TIME, body_extend, expires_ns, "expiresAt")},
    {MEMBER(BODY_MS, body_extend, extend_ns, "extendMs"), .min = 1, .max = MS_MAX},
};

/* Errors
 * -------------------------------------------------------------------------------------------------------- */

static bool fail(struct body_error *e, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool fail(struct body_error *e, unsigned status, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->detail, sizeof e->detail, format, arguments);
    va_end(arguments);
    e->status = status;
    e->code = code;
    return false;
}

static bool wrong_type(struct body_error *e, const struct body_member *m, const char *what)
{
    return fail(e, 422, "wrong_type", "'%s' takes %s", m->name, what);
}

static bool out_of_range(struct body_error *e, const struct body_member *m, const char *what)
{
    return fail(e, 422, "out_of_range", "'%s' takes %s", m->name, what);
}

/* Text to object
 * -------------------------------------------------------------------------------------------------------- */

/* json-c lets the last of two members with one name win: then fewer are kept than were written. */
static unsigned kept(json_object *o)
{
    unsigned count = 0;
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, name, value)
        {
            (void)name;
            count += 1 + kept(value);
        }
    } else if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            count += kept(json_object_array_get_idx(o, i));
    }
    return count;
}

static bool has_duplicate(json_object *o, const char *text, size_t size, struct body_error *error)
{
    char name[40];
    unsigned written;
    bool named = body_written(text, size, &written, name, sizeof name);
    if (written == kept(o))
        return false;
    if (named)
        fail(error, 400, "duplicate_member", "'%s' is given twice", name);
    else
        fail(error, 400, "duplicate_member", "a member is given twice");
    return true;
}

json_object *body_parse(const char *text, size_t size, struct body_error *error)
{
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) && text[size - 1])
        size--;
    if (size == 0)
        return json_object_new_object();
    json_tokener *t = json_tokener_new_ex(BODY_DEPTH_MAX);
    if (!t) {
        fail(error, 503, "no_memory", "there is no memory");
        return NULL;
    }
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *o = json_tokener_parse_ex(t, text, (int)size);
    enum json_tokener_error wrong = json_tokener_get_error(t);
    size_t end = json_tokener_get_parse_end(t), foreign = body_foreign(text, size);
    size_t object_end = body_object_end(text, size);
    json_tokener_free(t);
    if (foreign < size)
        fail(error, 400, "bad_json", "no JSON: unexpected character at byte %zu", foreign);
    else if (wrong == json_tokener_continue && object_end > 0)
        fail(error, 400, "bad_json", "the JSON text ends too early");
    else if (wrong == json_tokener_error_parse_unexpected && object_end > 0 && end >= object_end)
        fail(error, 400, "bad_json", "there is more behind the JSON object, at byte %zu", end);
    else if (wrong != json_tokener_success && wrong != json_tokener_continue)
        fail(error, 400, "bad_json", "no JSON: %s at byte %zu", json_tokener_error_desc(wrong), end);
    else if (!json_object_is_type(o, json_type_object)) /* a number or null may go on, to the parser */
        fail(error, 400, "bad_json", "an object is wanted");
    else if (!has_duplicate(o, text, size, error))
        return o;
    json_object_put(o);
    return NULL;
}

/* Values
 * -------------------------------------------------------------------------------------------------------- */

/* Zero-terminated text of a string member; NULL: it is none, or has a zero inside. */
static const char *text_of(json_object *v)
{
    if (!json_object_is_type(v, json_type_string))
        return NULL;
    const char *text = json_object_get_string(v);
    return strlen(text) == (size_t)json_object_get_string_len(v) ? text : NULL;
}

static bool take_text(const struct body_member *m, json_object *v, char *out, struct body_error *e)
{
    const char *text = text_of(v);
    if (!text)
        return wrong_type(e, m, "a string");
    size_t size = strlen(text);
    if (size < (size_t)m->min || size >= m->size)
        return fail(e, 422, "out_of_range", "'%s' takes %d to %zu bytes, not %zu", m->name, (int)m->min,
                    m->size - 1, size);
    for (const char *x = text; *x; x++) {
        unsigned char c = (unsigned char)*x;
        if (c < 0x20 || c == 0x7f || (m->type == BODY_TEXT && c > 0x7e))
            return out_of_range(e, m, m->type == BODY_TEXT ? "printable ASCII" : "no control characters");
    }
    memcpy(out, text, size);
    return true;
}

static bool take_decimal(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    int64_t scaled;
    const char *text = json_object_is_type(v, json_type_string) ? text_of(v)
                       : json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)
                           ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)
                           : NULL;
    if (!text)
        return wrong_type(e, m, "a decimal: a number, or one in a string");
    enum err wrong = decimal_parse(text, strlen(text), &scaled);
    if (wrong == ERR_SYNTAX)
        return wrong_type(e, m, "a decimal such as 1000000 or 1.0852, without an exponent");
    if (wrong != OK || scaled < m->min || scaled > m->max)
        return out_of_range(e, m, "a positive decimal below 92233720368 with at most eight decimals");
    memcpy(out, &scaled, sizeof scaled);
    return true;
}

static bool take_choice(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    char list[160] = "one of";
    const char *text = text_of(v);
    for (const struct body_choice *c = m->choices; c->name; c++) {
        if (text && strcmp(text, c->name) == 0) {
            memcpy(out, &c->value, m->size); /* little endian: the low bytes */
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s %s", c == m->choices ? "" : ",",
                 c->name);
    }
    return text ? out_of_range(e, m, list) : wrong_type(e, m, list);
}

static bool take_flag(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    if (!json_object_is_type(v, json_type_boolean))
        return wrong_type(e, m, "true or false");
    *(uint8_t *)out = (uint8_t)json_object_get_boolean(v);
    return true;
}

static bool take_ms(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    if (!json_object_is_type(v, json_type_int))
        return wrong_type(e, m, "a whole number of milliseconds");
    int64_t ms = json_object_get_int64(v);
    if (ms < m->min || ms > m->max)
        return out_of_range(e, m, "1 to 2592000000 milliseconds");
    uint64_t ns = (uint64_t)ms * 1000000;
    memcpy(out, &ns, sizeof ns);
    return true;
}

/* Digits exactly, `count` of them. */
static bool digits(const char **at, unsigned count, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool punctuation(const char **at, char wanted)
{
    return *(*at)++ == wanted;
}

static bool parse_date(const char **at, struct clock_civil *c)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year;
    if (!digits(at, 4, &year) || !punctuation(at, '-') || !digits(at, 2, &c->month) ||
        !punctuation(at, '-') || !digits(at, 2, &c->day))
        return false;
    c->year = (int)year;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1970 && year < 2500 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= (unsigned)days[c->month] + (c->month == 2 && leap);
}

bool body_time(const char *text, uint64_t *ns)
{
    struct clock_civil c = {0};
    const char *at = text;
    if (!parse_date(&at, &c) || !punctuation(&at, 'T') || !digits(&at, 2, &c.hour) ||
        !punctuation(&at, ':') || !digits(&at, 2, &c.minute) || !punctuation(&at, ':') ||
        !digits(&at, 2, &c.second))
        return false;
    if (*at == '.') {
        unsigned place = 100000000, some = 0;
        for (at++; *at >= '0' && *at <= '9' && place > 0; at++, place /= 10, some++)
            c.ns += place * (unsigned)(*at - '0');
        if (some == 0)
            return false;
    }
    if (*at != 'Z' || at[1] || c.hour > 23 || c.minute > 59 || c.second > 59)
        return false;
    *ns = clock_from_civil(&c);
    return true;
}

static bool take_time(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    uint64_t ns;
    const char *text = text_of(v);
    if (!text)
        return wrong_type(e, m, "a time such as \"2026-01-31T12:00:00Z\"");
    if (!body_time(text, &ns))
        return out_of_range(e, m, "a time in UTC such as \"2026-01-31T12:00:00Z\"");
    ns += ns == 0; /* which stands for one that was not given; this one is as much past */
    memcpy(out, &ns, sizeof ns);
    return true;
}

static bool take_date(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    struct clock_civil c;
    const char *text = text_of(v), *at = text;
    if (!text)
        return wrong_type(e, m, "a date such as \"2026-01-31\"");
    if (!parse_date(&at, &c) || *at)
        return out_of_range(e, m, "a date such as \"2026-01-31\"");
    uint32_t number = (uint32_t)c.year * 10000 + c.month * 100 + c.day;
    memcpy(out, &number, sizeof number);
    return true;
}

static bool take_quote(const struct body_member *m, json_object *v, void *out, struct body_error *e)
{
    const char *text = text_of(v);
    if (!text)
        return wrong_type(e, m, "a quote's id, as a string");
    uint64_t id = name_parse('Q', text, strlen(text));
    if (!id)
        return out_of_range(e, m, "a quote's id: Q and hexadecimal digits");
    memcpy(out, &id, sizeof id);
    return true;
}

static bool take(const struct body_member *m, json_object *v, char *out, struct body_error *e)
{
    switch (m->type) {
    case BODY_TEXT:
    case BODY_SENTENCE:
        return take_text(m, v, out, e);
    case BODY_DECIMAL:
        return take_decimal(m, v, out, e);
    case BODY_CHOICE:
        return take_choice(m, v, out, e);
    case BODY_FLAG:
        return take_flag(m, v, out, e);
    case BODY_TIME:
        return take_time(m, v, out, e);
    case BODY_MS:
        return take_ms(m, v, out, e);
    case BODY_DATE:
        return take_date(m, v, out, e);
    case BODY_QUOTE:
        return take_quote(m, v, out, e);
    }
    return false;
}

/* Tables
 * -------------------------------------------------------------------------------------------------------- */

static const struct body_member *member_named(const struct body_table *t, const char *name)
{
    for (unsigned i = 0; i < t->count; i++)
        if (strcmp(t->members[i].name, name) == 0)
            return &t->members[i];
    return NULL;
}

static bool is_listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static bool read_table(const struct body_table *t, json_object *o, const char *const *also, void *out,
                       struct body_error *e)
{
    json_object_object_foreach(o, name, value)
    {
        const struct body_member *m = member_named(t, name);
        if (!m && !is_listed(also, name))
            return fail(e, 422, "unknown_member", "there is no member '%.40s' here", name);
        if (m && !take(m, value, (char *)out + m->offset, e))
            return false;
    }
    for (unsigned i = 0; i < t->count; i++)
        if (t->members[i].required && !json_object_object_get_ex(o, t->members[i].name, NULL))
            return fail(e, 422, "missing_member", "'%s' is missing", t->members[i].name);
    return true;
}

bool body_rfq(json_object *o, const char *const *also, struct body_rfq *out, struct body_error *error)
{
    static const struct body_table table = TABLE(rfq_members);
    memset(out, 0, sizeof *out);
    if (!read_table(&table, o, also, out, error))
        return false;
    if (out->expires_ns && out->timeout_ns)
        return fail(error, 422, "conflicting_members",
                    "'expiresAt' and 'timeoutMs' say the same: give one of them");
    return true;
}

bool body_accept(json_object *o, const char *const *also, struct body_accept *out, struct body_error *error)
{
    static const struct body_table table = TABLE(accept_members);
    memset(out, 0, sizeof *out);
    return read_table(&table, o, also, out, error);
}

bool body_cancel(json_object *o, const char *const *also, struct body_cancel *out, struct body_error *error)
{
    static const struct body_table table = TABLE(cancel_members);
    memset(out, 0, sizeof *out);
    return read_table(&table, o, also, out, error);
}

bool body_extend(json_object *o, const char *const *also, struct body_extend *out, struct body_error *error)
{
    static const struct body_table table = TABLE(extend_members);
    memset(out, 0, sizeof *out);
    if (!read_table(&table, o, also, out, error))
        return false;
    if (out->expires_ns && out->extend_ns)
        return fail(error, 422, "conflicting_members",
                    "'expiresAt' and 'extendMs' say the same: give one of them");
    return true;
}

bool body_read(enum body_kind kind, json_object *o, const char *const *also, union body *out,
               struct body_error *error)
{
    memset(out, 0, sizeof *out);
    switch (kind) {
    case BODY_RFQ:
        return body_rfq(o, also, &out->rfq, error);
    case BODY_ACCEPT:
        return body_accept(o, also, &out->accept, error);
    case BODY_CANCEL:
        return body_cancel(o, also, &out->cancel, error);
    case BODY_EXTEND:
        break;
    }
    return body_extend(o, also, &out->extend, error);
}
