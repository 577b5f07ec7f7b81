#include "control/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "control/config/check.h"
#include "control/config/keys.h"
#include "dataplane/core/decimal.h"

#define CONFIG_FILE_SIZE_MAX (4u * 1024u * 1024u)
#define VALUE_SIZE           256

static_assert(CONFIG_SECTIONS == SECTIONS, "each section has its line");

struct reader {
    struct config *config;
    yaml_document_t *document;
    const char *name;
};

void config_complain(struct config *c, const char *name, size_t line, const char *format, ...)
{
    if (c->error_count < CONFIG_ERRORS_MAX) {
        char *to = c->errors[c->error_count];
        int used = line ? snprintf(to, CONFIG_ERROR_SIZE, "%s:%zu: ", name, line)
                        : snprintf(to, CONFIG_ERROR_SIZE, "%s: ", name);
        va_list arguments;
        va_start(arguments, format);
        if (used > 0 && used < CONFIG_ERROR_SIZE)
            vsnprintf(to + used, CONFIG_ERROR_SIZE - (size_t)used, format, arguments);
        va_end(arguments);
    }
    c->error_count++;
}

/* One value, from text
 * ------------------------------------------------------------------------------------------- */

static void store(void *at, size_t size, int64_t value)
{
    memcpy(at, &value, size); /* little endian: the low bytes */
}

static const char *choices_text(const struct config_choice *choices, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (const struct config_choice *c = choices; c->name; c++) {
        int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", c->name);
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
    return out;
}

static bool parse_whole(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        return false;
    *out = v;
    return true;
}

static bool parse_address(const char *text, struct sockaddr_in *out)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    memset(out, 0, sizeof *out);
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    int64_t port;
    if (!parse_whole(colon + 1, &port) || port < 0 || port > 65535)
        return false;
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

/* Of each kind of value: `at` is set and NULL given back, or the complaint, in `why`. */

static const char *set_text(const struct config_key *k, char *at, const char *text, char why[VALUE_SIZE])
{
    size_t length = strlen(text);
    if ((int64_t)length < k->min || (int64_t)length > k->max || length >= k->size) {
        snprintf(why, VALUE_SIZE, "is %zu characters long; %lld to %lld are allowed", length,
                 (long long)k->min, (long long)k->max);
        return why;
    }
    memset(at, 0, k->size);
    memcpy(at, text, length);
    return NULL;
}

/* Empty: nowhere. */
static const char *set_address(char *at, const char *text, char why[VALUE_SIZE])
{
    if (!*text || parse_address(text, (struct sockaddr_in *)(void *)at))
        return NULL;
    snprintf(why, VALUE_SIZE, "is not an address of the form 127.0.0.1:9880");
    return why;
}

static const char *set_bool(const struct config_key *k, char *at, const char *text, char why[VALUE_SIZE])
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        snprintf(why, VALUE_SIZE, "is neither true nor false");
        return why;
    }
    store(at, k->size, text[0] == 't');
    return NULL;
}

static const char *set_choice(const struct config_key *k, char *at, const char *text, char why[VALUE_SIZE])
{
    char names[VALUE_SIZE / 2];
    for (const struct config_choice *c = k->choices; c->name; c++)
        if (strcmp(c->name, text) == 0) {
            store(at, k->size, c->value);
            return NULL;
        }
    snprintf(why, VALUE_SIZE, "is none of: %s", choices_text(k->choices, names, sizeof names));
    return why;
}

static const char *set_decimal(const struct config_key *k, char *at, const char *text, char why[VALUE_SIZE])
{
    int64_t v;
    if (decimal_parse(text, strlen(text), &v) != OK) {
        snprintf(why, VALUE_SIZE, "is not a decimal with at most eight places");
        return why;
    }
    if (v < k->min || v > k->max) {
        char low[DECIMAL_TEXT_MAX], high[DECIMAL_TEXT_MAX];
        decimal_print(k->min, low);
        decimal_print(k->max, high);
        snprintf(why, VALUE_SIZE, "is out of range: %s to %s are allowed", low, high);
        return why;
    }
    store(at, k->size, v);
    return NULL;
}

static const char *set_whole(const struct config_key *k, char *at, const char *text, char why[VALUE_SIZE])
{
    int64_t v;
    if (!parse_whole(text, &v)) {
        snprintf(why, VALUE_SIZE, "is not a whole number");
        return why;
    }
    if (v < k->min || v > k->max) {
        snprintf(why, VALUE_SIZE, "is out of range: %lld to %lld%s%s are allowed", (long long)k->min,
                 (long long)k->max, *k->unit ? " " : "", k->unit);
        return why;
    }
    store(at, k->size, (int64_t)((uint64_t)v * k->scale));
    return NULL;
}

static const char *set_value(const struct config_key *k, void *entry, const char *text, char why[VALUE_SIZE])
{
    char *at = (char *)entry + k->offset;
    switch (k->type) {
    case KEY_TEXT:
        return set_text(k, at, text, why);
    case KEY_ADDRESS:
        return set_address(at, text, why);
    case KEY_BOOL:
    case KEY_BOOL_U32:
        return set_bool(k, at, text, why);
    case KEY_CHOICE_I64:
    case KEY_CHOICE_U32:
    case KEY_CHOICE_U8:
        return set_choice(k, at, text, why);
    case KEY_DECIMAL:
        return set_decimal(k, at, text, why);
    case KEY_U8:
    case KEY_U32:
    case KEY_U64:
    case KEY_I64:
        return set_whole(k, at, text, why);
    case KEY_NAMES:
        snprintf(why, VALUE_SIZE, "is not a sequence of names");
        return why;
    }
    return NULL;
}

/* Nodes
 * ---------------------------------------------------------------------------------------------------------------
 */

static const struct config_key *find_key(enum config_section section, const char *name)
{
    for (unsigned i = 0; i < config_key_count; i++)
        if (config_keys[i].section == section && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

static const char *section_title(enum config_section s)
{
    return config_sections[s].name ? config_sections[s].name : "the top level";
}

static void complain_unknown(struct reader *r, enum config_section section, size_t line, const char *name)
{
    char known[VALUE_SIZE / 2 * 3];
    size_t used = 0;
    known[0] = 0;
    for (unsigned i = 0; i < config_key_count && used < 150; i++)
        if (config_keys[i].section == section)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     config_keys[i].name);
    if (section == SECTION_TOP)
        for (unsigned s = 1; s < SECTIONS && used < 200; s++)
            used += (size_t)snprintf(known + used, sizeof known - used, ", %s", config_sections[s].name);
    config_complain(r->config, r->name, line, "key '%s' is unknown in %s; known are: %s%s", name,
                    section_title(section), known, used >= 150 ? " …" : "");
}

static void read_names(struct reader *r, yaml_node_t *node, struct config_core *core)
{
    size_t line = node->start_mark.line + 1;
    if (node->type != YAML_SEQUENCE_NODE) {
        config_complain(r->config, r->name, line, "key 'run' is not a sequence of agents");
        return;
    }
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        yaml_node_t *item = yaml_document_get_node(r->document, *i);
        if (item->type != YAML_SCALAR_NODE || item->data.scalar.length >= ID_TEXT_SIZE ||
            core->run_count == CORE_AGENTS_MAX) {
            config_complain(r->config, r->name, item->start_mark.line + 1,
                            "key 'run' takes at most %d names of agents", CORE_AGENTS_MAX);
            return;
        }
        memcpy(core->run[core->run_count++], item->data.scalar.value, item->data.scalar.length);
    }
}

static void read_value(struct reader *r, const struct config_key *k, yaml_node_t *value, void *entry)
{
    size_t line = value->start_mark.line + 1;
    char why[VALUE_SIZE];
    if (k->type == KEY_NAMES) {
        read_names(r, value, entry);
        return;
    }
    if (value->type != YAML_SCALAR_NODE) {
        config_complain(r->config, r->name, line, "key '%s' takes a single value", k->name);
        return;
    }
    const char *text = (const char *)value->data.scalar.value;
    if (memchr(text, 0, value->data.scalar.length) || set_value(k, entry, text, why))
        config_complain(r->config, r->name, line, "key '%s': '%.40s' %s", k->name, text,
                        memchr(text, 0, value->data.scalar.length) ? "has a zero byte" : why);
}

static void set_defaults(enum config_section section, void *entry)
{
    char why[VALUE_SIZE];
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        if (k->section == section && k->fallback) {
            const char *wrong = set_value(k, entry, k->fallback, why);
            assert(!wrong); /* the table itself */
            (void)wrong;
        }
    }
}

/* What a mapping has been given so far. */
struct given {
    bool keys[CONFIG_KEYS_MAX], sections[SECTIONS];
};

/* What a name stands for there: a key of the section, or, where sections may stand, one of these. `mark`
 * NULL: nothing. */
struct place {
    const struct config_key *key;
    enum config_section section;
    bool *mark;
};

static struct place find_place(enum config_section section, const char *name, bool has_sections,
                               struct given *given)
{
    const struct config_key *key = find_key(section, name);
    if (key)
        return (struct place){.key = key, .mark = &given->keys[key - config_keys]};
    for (unsigned s = 1; has_sections && s < SECTIONS; s++)
        if (strcmp(config_sections[s].name, name) == 0)
            return (struct place){.section = (enum config_section)s, .mark = &given->sections[s]};
    return (struct place){0};
}

/* A mapping whose keys belong to one section. Top level: `sub` gets the keys that are sections. */
static void read_mapping(struct reader *r, enum config_section section, yaml_node_t *node, void *entry,
                         void (*sub)(struct reader *r, enum config_section s, yaml_node_t *value))
{
    struct given given = {0};
    assert(config_key_count <= CONFIG_KEYS_MAX);
    size_t line = node->start_mark.line + 1;
    if (node->type != YAML_MAPPING_NODE) {
        config_complain(r->config, r->name, line, "%s takes keys with values", section_title(section));
        return;
    }
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(r->document, p->key);
        yaml_node_t *value = yaml_document_get_node(r->document, p->value);
        const char *name = key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : "?";
        size_t key_line = key->start_mark.line + 1;
        struct place at = find_place(section, name, sub != NULL, &given);
        if (!at.mark) {
            complain_unknown(r, section, key_line, name);
        } else if (*at.mark) {
            config_complain(r->config, r->name, key_line, "key '%s' is given twice", name);
        } else {
            *at.mark = true;
            if (at.key) {
                r->config->key_lines[at.key - config_keys] = (uint32_t)key_line;
                read_value(r, at.key, value, entry);
            } else {
                r->config->section_lines[at.section] = (uint32_t)key_line;
                sub(r, at.section, value);
            }
        }
    }
    for (unsigned i = 0; i < config_key_count; i++)
        if (config_keys[i].section == section && !config_keys[i].fallback && !given.keys[i])
            config_complain(r->config, r->name, line, "key '%s' is missing in %s", config_keys[i].name,
                            section_title(section));
}

static void *list_of(struct config *c, enum config_section s, unsigned **count)
{
    switch (s) {
    case SECTION_CORES:
        *count = &c->core_count;
        return c->cores;
    case SECTION_INSTRUMENTS:
        *count = &c->instrument_count;
        return c->instruments;
    case SECTION_SESSIONS:
        *count = &c->session_count;
        return c->sessions;
    case SECTION_LPS:
        *count = &c->lp_count;
        return c->lps;
    case SECTION_TAKERS:
        *count = &c->taker_count;
        return c->takers;
    case SECTION_TENANTS:
        *count = &c->tenant_count;
        return c->tenants;
    case SECTION_USERS:
        *count = &c->user_count;
        return c->users;
    case SECTION_TOKEN_KEYS:
        *count = &c->token_key_count;
        return c->token_keys;
    default:
        assert(0);
        return NULL;
    }
}

static unsigned list_limit(enum config_section s)
{
    switch (s) {
    case SECTION_CORES:
        return CORES_MAX;
    case SECTION_INSTRUMENTS:
        return INSTRUMENTS_MAX;
    case SECTION_LPS:
        return LPS_MAX;
    case SECTION_TENANTS:
        return CONFIG_TENANTS_MAX;
    case SECTION_TOKEN_KEYS:
        return CONFIG_TOKEN_KEYS_MAX;
    default:
        return SESSIONS_MAX;
    }
}

static void read_section(struct reader *r, enum config_section s, yaml_node_t *value)
{
    size_t line = value->start_mark.line + 1;
    if (!config_sections[s].list) {
        read_mapping(r, s, value, r->config, NULL);
        return;
    }
    if (value->type != YAML_SEQUENCE_NODE) {
        config_complain(r->config, r->name, line, "'%s' takes a sequence of entries",
                        config_sections[s].name);
        return;
    }
    unsigned *count, limit = list_limit(s);
    char *list = list_of(r->config, s, &count);
    for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
        yaml_node_t *item = yaml_document_get_node(r->document, *i);
        if (*count == limit) {
            config_complain(r->config, r->name, item->start_mark.line + 1, "'%s' has more than %u entries",
                            config_sections[s].name, limit);
            return;
        }
        char *entry = list + (size_t)*count * config_sections[s].entry_size;
        r->config->entry_lines[s][*count] = (uint32_t)(item->start_mark.line + 1);
        set_defaults(s, entry);
        read_mapping(r, s, item, entry, NULL);
        (*count)++;
    }
}

/* The whole
 * -----------------------------------------------------------------------------------------------------------
 */

static struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->instruments = calloc(INSTRUMENTS_MAX, sizeof *c->instruments);
    c->lps = calloc(LPS_MAX, sizeof *c->lps);
    c->takers = calloc(SESSIONS_MAX, sizeof *c->takers);
    c->sessions = calloc(SESSIONS_MAX, sizeof *c->sessions);
    c->users = calloc(SESSIONS_MAX, sizeof *c->users);
    bool lines = true;
    for (enum config_section s = SECTION_CORES; s < SECTIONS; s++) {
        c->entry_lines[s] = calloc(list_limit(s), sizeof *c->entry_lines[s]);
        lines &= c->entry_lines[s] != NULL;
    }
    if (lines && c->instruments && c->lps && c->takers && c->sessions && c->users)
        return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    free(c->instruments);
    free(c->lps);
    free(c->takers);
    free(c->sessions);
    free(c->users);
    for (unsigned s = 0; s < CONFIG_SECTIONS; s++)
        free(c->entry_lines[s]);
    free(c);
}

const struct config_tenant *config_tenant_named(const struct config *c, const char *name)
{
    for (unsigned i = 0; i < c->tenant_count; i++)
        if (strcmp(c->tenants[i].name, name) == 0)
            return &c->tenants[i];
    return NULL;
}

enum err config_parse(struct config **out, const char *text, size_t size, const char *name)
{
    struct config *c = *out = config_new();
    if (!c)
        return ERR_MEMORY;
    for (enum config_section s = SECTION_TOP; s < SECTION_CORES; s++)
        set_defaults(s, c);

    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser))
        return ERR_MEMORY;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document)) {
        config_complain(c, name, parser.problem_mark.line + 1, "%s",
                        parser.problem ? parser.problem : "not YAML");
        yaml_parser_delete(&parser);
        return ERR_SYNTAX;
    }
    struct reader r = {.config = c, .document = &document, .name = name};
    yaml_node_t *root = yaml_document_get_root_node(&document);
    if (root)
        read_mapping(&r, SECTION_TOP, root, c, read_section);
    else
        config_complain(c, name, 0, "is empty");
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    if (!c->error_count)
        config_check(c, name);
    return c->error_count ? ERR_SYNTAX : OK;
}

enum err config_load(struct config **out, const char *path)
{
    const char *why = "there is no memory for it";
    FILE *f = config_open_file(path, &why);
    char *text = f ? malloc(CONFIG_FILE_SIZE_MAX + 1) : NULL;
    if (!text) {
        if (f)
            fclose(f);
        *out = config_new();
        if (!*out)
            return ERR_MEMORY;
        config_complain(*out, path, 0, "cannot be read: %s", why);
        return ERR_IO;
    }
    size_t size = fread(text, 1, CONFIG_FILE_SIZE_MAX + 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    enum err e;
    if (failed || size > CONFIG_FILE_SIZE_MAX) {
        *out = config_new();
        if (*out)
            config_complain(*out, path, 0, failed ? "cannot be read" : "is larger than %u bytes",
                            CONFIG_FILE_SIZE_MAX);
        e = *out ? ERR_IO : ERR_MEMORY;
    } else {
        e = config_parse(out, text, size, path);
        if (e == OK) {
            config_check_files(*out, path);
            e = (*out)->error_count ? ERR_SYNTAX : OK;
        }
    }
    free(text);
    return e;
}

void config_print_keys(FILE *to)
{
    for (unsigned s = 0; s < SECTIONS; s++) {
        fprintf(to, "%s%s: %s\n", config_sections[s].name ? config_sections[s].name : "top level",
                config_sections[s].list ? " (a list)" : "", config_sections[s].sentence);
        for (unsigned i = 0; i < config_key_count; i++) {
            const struct config_key *k = &config_keys[i];
            if ((unsigned)k->section != s)
                continue;
            fprintf(to, "  %-24s %s", k->name, k->sentence);
            config_print_range(to, k);
            if (!k->fallback)
                fprintf(to, " Required.\n");
            else if (*k->fallback)
                fprintf(to, " Default: %s.\n", k->fallback);
            else
                fprintf(to, "\n");
        }
    }
}
