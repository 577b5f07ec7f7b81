#include "control/config/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "dataplane/core/decimal.h"

/* Entries
 * ----------------------------------------------------------------------------------------------------------
 */

const void *config_entry(const struct config *c, enum config_section s, unsigned i)
{
    switch (s) {
    case SECTION_CORES:
        return i < c->core_count ? &c->cores[i] : NULL;
    case SECTION_INSTRUMENTS:
        return i < c->instrument_count ? &c->instruments[i] : NULL;
    case SECTION_SESSIONS:
        return i < c->session_count ? &c->sessions[i] : NULL;
    case SECTION_LPS:
        return i < c->lp_count ? &c->lps[i] : NULL;
    case SECTION_TAKERS:
        return i < c->taker_count ? &c->takers[i] : NULL;
    case SECTION_TENANTS:
        return i < c->tenant_count ? &c->tenants[i] : NULL;
    case SECTION_USERS:
        return i < c->user_count ? &c->users[i] : NULL;
    case SECTION_TOKEN_KEYS:
        return i < c->token_key_count ? &c->token_keys[i] : NULL;
    default:
        return i == 0 ? c : NULL;
    }
}

static const struct config_key *first_key(enum config_section s)
{
    const struct config_key *k = config_keys;
    while (k->section != s)
        k++;
    return k;
}

const char *config_entry_name(enum config_section s, const void *entry, unsigned i, char out[ID_TEXT_SIZE])
{
    out[0] = 0;
    if (s == SECTION_CORES)
        snprintf(out, ID_TEXT_SIZE, "%u", i);
    else if (config_sections[s].list)
        snprintf(out, ID_TEXT_SIZE, "%s", (const char *)entry + first_key(s)->offset);
    return out;
}

/* Cores have no name: the place counts. */
static const void *entry_named(const struct config *c, enum config_section s, const char *name, unsigned at)
{
    char other[ID_TEXT_SIZE];
    const void *entry;
    if (s == SECTION_CORES || !config_sections[s].list)
        return config_entry(c, s, at);
    for (unsigned i = 0; (entry = config_entry(c, s, i)) != NULL; i++)
        if (strcmp(config_entry_name(s, entry, i, other), name) == 0)
            return entry;
    return NULL;
}

/* Values
 * -----------------------------------------------------------------------------------------------------------
 */

void config_key_path(const struct config_key *k, char *out, size_t size)
{
    const char *section = config_sections[k->section].name;
    snprintf(out, size, "%s%s%s", section ? section : "", section ? "." : "", k->name);
}

static int64_t number_at(const struct config_key *k, const void *entry)
{
    int64_t v = 0;
    memcpy(&v, (const char *)entry + k->offset, k->size < sizeof v ? k->size : sizeof v);
    return v;
}

static const char *choice_name(const struct config_choice *choices, int64_t value)
{
    for (const struct config_choice *c = choices; c->name; c++)
        if (c->value == value)
            return c->name;
    return "?";
}

static void address_text(const struct sockaddr_in *a, char *out)
{
    char host[INET_ADDRSTRLEN];
    out[0] = 0;
    if (a->sin_family == AF_INET && inet_ntop(AF_INET, &a->sin_addr, host, sizeof host))
        snprintf(out, CONFIG_VALUE_SIZE, "%s:%u", host, ntohs(a->sin_port));
}

static void names_text(const struct config_core *core, char *out)
{
    size_t used = 0;
    out[0] = 0;
    for (unsigned i = 0; i < core->run_count && used < CONFIG_VALUE_SIZE; i++)
        used += (size_t)snprintf(out + used, CONFIG_VALUE_SIZE - used, "%s%s", i ? ", " : "", core->run[i]);
}

void config_value_text(const struct config_key *k, const void *entry, char out[CONFIG_VALUE_SIZE])
{
    switch (k->type) {
    case KEY_TEXT:
        snprintf(out, CONFIG_VALUE_SIZE, "%.*s", (int)k->size, (const char *)entry + k->offset);
        break;
    case KEY_ADDRESS:
        address_text((const struct sockaddr_in *)(const void *)((const char *)entry + k->offset), out);
        break;
    case KEY_BOOL:
    case KEY_BOOL_U32:
        snprintf(out, CONFIG_VALUE_SIZE, "%s", number_at(k, entry) ? "true" : "false");
        break;
    case KEY_CHOICE_I64:
    case KEY_CHOICE_U32:
    case KEY_CHOICE_U8:
        snprintf(out, CONFIG_VALUE_SIZE, "%s", choice_name(k->choices, number_at(k, entry)));
        break;
    case KEY_DECIMAL:
        decimal_print(number_at(k, entry), out);
        break;
    case KEY_I64:
        snprintf(out, CONFIG_VALUE_SIZE, "%" PRId64, number_at(k, entry));
        break;
    case KEY_U8:
    case KEY_U32:
    case KEY_U64:
        snprintf(out, CONFIG_VALUE_SIZE, "%" PRIu64, (uint64_t)number_at(k, entry) / k->scale);
        break;
    case KEY_NAMES:
        names_text(entry, out);
        break;
    }
}

/* Differences
 * ------------------------------------------------------------------------------------------------------ */

struct comparing {
    void (*visit)(void *ctx, const struct config_difference *d);
    void *ctx;
};

/* All other lists come and go with a restart. */
static bool section_live(enum config_section s)
{
    return s == SECTION_INSTRUMENTS || s == SECTION_LPS || s == SECTION_TAKERS;
}

static void compare_entry(const struct comparing *x, enum config_section s, const char *name, const void *was,
                          const void *is)
{
    char before[CONFIG_VALUE_SIZE], now[CONFIG_VALUE_SIZE];
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        if (k->section != s)
            continue;
        config_value_text(k, was, before);
        config_value_text(k, is, now);
        if (strcmp(before, now) != 0)
            x->visit(x->ctx,
                     &(struct config_difference){
                         .section = s, .key = k, .entry = name, .was = before, .is = now, .live = k->live});
    }
}

static void compare_section(const struct comparing *x, enum config_section s, const struct config *was,
                            const struct config *is)
{
    char name[ID_TEXT_SIZE];
    const void *entry;
    for (unsigned i = 0; (entry = config_entry(was, s, i)) != NULL; i++) {
        config_entry_name(s, entry, i, name);
        const void *other = entry_named(is, s, name, i);
        if (other)
            compare_entry(x, s, name, entry, other);
        else
            x->visit(x->ctx, &(struct config_difference){
                                 .section = s, .entry = name, .was = name, .live = section_live(s)});
    }
    for (unsigned i = 0; (entry = config_entry(is, s, i)) != NULL; i++) {
        config_entry_name(s, entry, i, name);
        if (!entry_named(was, s, name, i))
            x->visit(x->ctx, &(struct config_difference){
                                 .section = s, .entry = name, .is = name, .live = section_live(s)});
    }
}

void config_compare(const struct config *was, const struct config *is,
                    void (*visit)(void *ctx, const struct config_difference *d), void *ctx)
{
    const struct comparing x = {visit, ctx};
    for (enum config_section s = SECTION_TOP; s < SECTIONS; s++)
        compare_section(&x, s, was, is);
}

/* What is as it was at start stands nowhere in the file that was read now. */
static void forget_lines(struct config *c, enum config_section s, unsigned count)
{
    memset(c->entry_lines[s], 0, count * sizeof *c->entry_lines[s]);
}

void config_keep(struct config *c, const struct config *running)
{
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        if (!k->live && !config_sections[k->section].list) {
            memcpy((char *)c + k->offset, (const char *)running + k->offset, k->size);
            c->key_lines[i] = 0;
        }
    }
    c->has_listen = running->has_listen;
    c->has_http = running->has_http;
    memcpy(c->cores, running->cores, sizeof c->cores);
    c->core_count = running->core_count;
    forget_lines(c, SECTION_CORES, c->core_count);
    memcpy(c->sessions, running->sessions, running->session_count * sizeof *c->sessions);
    c->session_count = running->session_count;
    forget_lines(c, SECTION_SESSIONS, c->session_count);
    memcpy(c->tenants, running->tenants, sizeof c->tenants);
    c->tenant_count = running->tenant_count;
    forget_lines(c, SECTION_TENANTS, c->tenant_count);
    memcpy(c->users, running->users, running->user_count * sizeof *c->users);
    c->user_count = running->user_count;
    forget_lines(c, SECTION_USERS, c->user_count);
    memcpy(c->token_keys, running->token_keys, sizeof c->token_keys);
    c->token_key_count = running->token_key_count;
    forget_lines(c, SECTION_TOKEN_KEYS, c->token_key_count);
    memset(c->section_lines, 0, sizeof c->section_lines);
}
