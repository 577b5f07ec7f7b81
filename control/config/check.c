#include "control/config/check.h"

#include <string.h>

static const char *const agents[] = {"gateway", "distribution", "routing", "log", "control"};
#define AGENT_NAMES (sizeof agents / sizeof *agents)

size_t config_key_line(const struct config *c, const void *member)
{
    size_t offset = (size_t)((const char *)member - (const char *)c);
    for (unsigned i = 0; i < config_key_count; i++)
        if (!config_sections[config_keys[i].section].list && config_keys[i].offset == offset)
            return c->key_lines[i];
    return 0;
}

/* Of two keys: the first that is in the file. */
static size_t either_line(const struct config *c, const void *member, const void *other)
{
    size_t line = config_key_line(c, member);
    return line ? line : config_key_line(c, other);
}

/* A list whose entries have a name. */
struct named {
    enum config_section section;
    const char *what, *values; /* the first entry's name */
    size_t stride;
    unsigned count;
};

static void check_unique(struct config *c, const char *name, const struct named *l)
{
    for (unsigned i = 0; i < l->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (strcmp(l->values + i * l->stride, l->values + j * l->stride) == 0)
                config_complain(c, name, c->entry_lines[l->section][i], "%s '%s' is given twice", l->what,
                                l->values + i * l->stride);
}

/* Names are labels of metrics: what would end a label there is not taken. */
static void check_names(struct config *c, const char *name, const struct named *l)
{
    for (unsigned i = 0; i < l->count; i++)
        for (const char *at = l->values + i * l->stride; *at; at++)
            if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') {
                config_complain(c, name, c->entry_lines[l->section][i],
                                "%s '%s' has a quote, a backslash or a control character", l->what,
                                l->values + i * l->stride);
                break;
            }
}

static const struct config_session *session_named(const struct config *c, const char *session)
{
    for (unsigned i = 0; i < c->session_count; i++)
        if (strcmp(c->sessions[i].session.name, session) == 0)
            return &c->sessions[i];
    return NULL;
}

static void check_party(struct config *c, const char *name, size_t line, const char *what, const char *code,
                        const char *session, enum session_role role)
{
    const struct config_session *s = session_named(c, session);
    if (!s)
        config_complain(c, name, line, "%s '%s': there is no session '%s'", what, code, session);
    else if (s->session.role != role)
        config_complain(c, name, line, "%s '%s': session '%s' has another role", what, code, session);
}

static void check_parties(struct config *c, const char *name)
{
    for (unsigned i = 0; i < c->lp_count; i++) {
        const struct config_lp *l = &c->lps[i];
        size_t line = c->entry_lines[SECTION_LPS][i];
        check_party(c, name, line, "LP", l->lp.code, l->session, ROLE_LP);
        if (l->lp.size_min > l->lp.size_max)
            config_complain(c, name, line, "LP '%s': size_min is above size_max", l->lp.code);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(c->lps[j].session, l->session) == 0)
                config_complain(c, name, line, "LPs '%s' and '%s' share session '%s'", c->lps[j].lp.code,
                                l->lp.code, l->session);
    }
    for (unsigned i = 0; i < c->taker_count; i++) {
        const struct config_taker *t = &c->takers[i];
        size_t line = c->entry_lines[SECTION_TAKERS][i];
        check_party(c, name, line, "taker", t->taker.code, t->session, ROLE_TAKER);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(c->takers[j].session, t->session) == 0)
                config_complain(c, name, line, "takers '%s' and '%s' share session '%s'",
                                c->takers[j].taker.code, t->taker.code, t->session);
    }
}

/* A user is a taker too, of the same code: of one tenant, then, and within the takers' number. */
static void check_users(struct config *c, const char *name)
{
    unsigned takers = c->taker_count;
    for (unsigned i = 0; i < c->user_count; i++) {
        const struct config_user *u = &c->users[i];
        size_t line = c->entry_lines[SECTION_USERS][i];
        const struct config_tenant *tenant = config_tenant_named(c, u->tenant);
        const struct config_taker *same = NULL;
        for (unsigned j = 0; j < c->taker_count && !same; j++)
            if (strcmp(c->takers[j].taker.code, u->name) == 0)
                same = &c->takers[j];
        takers += !same;
        if (!tenant)
            config_complain(c, name, line, "user '%s': there is no tenant '%s'", u->name, u->tenant);
        else if (same && same->taker.tenant != tenant->number)
            config_complain(c, name, line, "user '%s' is of tenant %u, the taker of this code of tenant %u",
                            u->name, tenant->number, same->taker.tenant);
    }
    if (takers > SESSIONS_MAX)
        config_complain(c, name, c->section_lines[SECTION_USERS], "more than %d takers and users",
                        SESSIONS_MAX);
    for (unsigned i = 0; i < c->token_key_count; i++)
        if (c->token_keys[i].tenant[0] && !config_tenant_named(c, c->token_keys[i].tenant))
            config_complain(c, name, c->entry_lines[SECTION_TOKEN_KEYS][i],
                            "token key '%s': there is no tenant '%s'", c->token_keys[i].id,
                            c->token_keys[i].tenant);
    for (unsigned i = 0; i < c->tenant_count; i++)
        for (unsigned j = 0; j < i; j++)
            if (c->tenants[i].number == c->tenants[j].number)
                config_complain(c, name, c->entry_lines[SECTION_TENANTS][i],
                                "tenants '%s' and '%s' have the same number", c->tenants[j].name,
                                c->tenants[i].name);
}

static void check_http(struct config *c, const char *name)
{
    c->has_http = c->http_listen.sin_family != 0;
    if (!c->http_certificate[0] != !c->http_key[0])
        config_complain(c, name, either_line(c, c->http_certificate, c->http_key),
                        "http: certificate_file and key_file go together");
    if (c->http_connections_per_address_max > c->http_connections_max)
        c->http_connections_per_address_max = c->http_connections_max;
    if (c->http_connections_per_tenant_max > c->http_connections_max)
        c->http_connections_per_tenant_max = c->http_connections_max;
}

static void check_sessions(struct config *c, const char *name)
{
    size_t accepts_line = 0;
    bool accepts = false;
    for (unsigned i = 0; i < c->session_count; i++) {
        struct gateway_session_config *s = &c->sessions[i].session;
        size_t line = c->entry_lines[SECTION_SESSIONS][i];
        s->fix.initiator = s->address.sin_family != 0;
        s->level = (enum durability_level)c->level;
        if (!s->fix.initiator && !accepts) {
            accepts = true;
            accepts_line = line;
        }
        if (s->reconnect_first_ns > s->reconnect_max_ns)
            config_complain(c, name, line, "session '%s': reconnect_first_ms is above reconnect_max_ms",
                            s->name);
        for (unsigned j = 0; j < i; j++) {
            const struct gateway_session_config *o = &c->sessions[j].session;
            if (strcmp(o->fix.sender, s->fix.sender) == 0 && strcmp(o->fix.target, s->fix.target) == 0)
                config_complain(c, name, line, "sessions '%s' and '%s' have the same pair of CompIDs",
                                o->name, s->name);
        }
    }
    c->has_listen = c->listen.sin_family != 0;
    if (c->connections_max < c->session_count + GATEWAY_SPARE_CONNECTIONS)
        config_complain(
            c, name, config_key_line(c, &c->connections_max),
            "fix.connections_max: %llu are too few for %u sessions and %u connections that have not "
            "logged on yet",
            (unsigned long long)c->connections_max, c->session_count, GATEWAY_SPARE_CONNECTIONS);
    if (accepts && !c->has_listen)
        config_complain(c, name, accepts_line,
                        "fix.listen is empty, but there are sessions that log on to us");
}

static void check_cores(struct config *c, const char *name)
{
    unsigned times[AGENT_NAMES] = {0};
    if (!c->core_count) { /* all on one core */
        c->core_count = 1;
        c->cores[0].cpu = -1;
        c->cores[0].idle = IDLE_YIELD;
        c->cores[0].warm_ns = CORE_WARM_NS;
        for (unsigned a = 0; a < AGENT_NAMES; a++)
            strcpy(c->cores[0].run[c->cores[0].run_count++], agents[a]);
    }
    for (unsigned i = 0; i < c->core_count; i++)
        for (unsigned j = 0; j < c->cores[i].run_count; j++) {
            unsigned a = 0;
            while (a < AGENT_NAMES && strcmp(agents[a], c->cores[i].run[j]) != 0)
                a++;
            if (a == AGENT_NAMES)
                config_complain(
                    c, name, c->entry_lines[SECTION_CORES][i],
                    "cores: there is no agent '%s'; known are gateway, distribution, routing, log, control",
                    c->cores[i].run[j]);
            else
                times[a]++;
        }
    for (unsigned a = 0; a < AGENT_NAMES; a++)
        if (times[a] != 1)
            config_complain(c, name, c->section_lines[SECTION_CORES],
                            "cores: agent '%s' runs on %u cores; on exactly one it must", agents[a],
                            times[a]);
}

static void check_size(struct config *c, const char *name, const char *key, const uint64_t *size)
{
    if (*size & (*size - 1))
        config_complain(c, name, config_key_line(c, size), "%s: %llu MiB is not a power of two", key,
                        (unsigned long long)(*size >> 20));
}

static void check_lists(struct config *c, const char *name)
{
    const struct named lists[] = {
        {SECTION_INSTRUMENTS, "instrument", c->instruments[0].symbol, sizeof *c->instruments,
         c->instrument_count},
        {SECTION_SESSIONS, "session", c->sessions[0].session.name, sizeof *c->sessions, c->session_count},
        {SECTION_LPS, "LP", c->lps[0].lp.code, sizeof *c->lps, c->lp_count},
        {SECTION_TAKERS, "taker", c->takers[0].taker.code, sizeof *c->takers, c->taker_count},
        {SECTION_TENANTS, "tenant", c->tenants[0].name, sizeof *c->tenants, c->tenant_count},
        {SECTION_USERS, "user", c->users[0].name, sizeof *c->users, c->user_count},
        {SECTION_TOKEN_KEYS, "token key", c->token_keys[0].id, sizeof *c->token_keys, c->token_key_count},
    };
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
        check_unique(c, name, &lists[i]);
        if (lists[i].section == SECTION_SESSIONS || lists[i].section == SECTION_LPS ||
            lists[i].section == SECTION_TAKERS)
            check_names(c, name, &lists[i]);
    }
}

static void check_instruments(struct config *c, const char *name)
{
    for (unsigned n = 0; n < c->instrument_count; n++) {
        const struct instrument *i = &c->instruments[n];
        size_t line = c->entry_lines[SECTION_INSTRUMENTS][n];
        if (i->quantity_min > i->quantity_max)
            config_complain(c, name, line, "instrument '%s': quantity_min is above quantity_max", i->symbol);
        /* The least there is, which is the default, says nothing of lots. */
        if (i->lot && i->quantity_min > 1 && i->quantity_min % i->lot)
            config_complain(c, name, line, "instrument '%s': quantity_min is not a multiple of lot",
                            i->symbol);
        if (i->collar_percent && !i->reference_price)
            config_complain(c, name, line,
                            "instrument '%s': collar_percent has nothing to be measured from without a "
                            "reference_price",
                            i->symbol);
    }
}

static void check_deadlines(struct config *c, const char *name)
{
    const struct settings *s = &c->settings;
    if (s->deadline_default_ns > s->deadline_max_ns)
        config_complain(c, name, either_line(c, &s->deadline_default_ns, &s->deadline_max_ns),
                        "settings.deadline_default_ms is above deadline_max_ms");
    if (s->deadline_min_ns > s->deadline_max_ns)
        config_complain(c, name, either_line(c, &s->deadline_min_ns, &s->deadline_max_ns),
                        "settings.deadline_min_ms is above deadline_max_ms");
}

/* One port of one address, or of all of them. Port 0 is a new one each time. */
static bool same_place(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port && a->sin_port == b->sin_port &&
           (a->sin_addr.s_addr == b->sin_addr.s_addr || a->sin_addr.s_addr == INADDR_ANY ||
            b->sin_addr.s_addr == INADDR_ANY);
}

static void check_listeners(struct config *c, const char *name)
{
    if (c->has_listen && c->has_http && same_place(&c->listen, &c->http_listen))
        config_complain(c, name, either_line(c, &c->http_listen, &c->listen),
                        "http.listen takes the port of fix.listen");
}

void config_check(struct config *c, const char *name)
{
    check_lists(c, name);
    check_instruments(c, name);
    check_users(c, name);
    check_http(c, name);
    check_sessions(c, name);
    check_listeners(c, name);
    check_deadlines(c, name);
    check_parties(c, name);
    check_cores(c, name);
    check_size(c, name, "record.ring_gateway_mib", &c->ring_gateway_size);
    check_size(c, name, "record.ring_engine_mib", &c->ring_engine_size);
    check_size(c, name, "record.lane_mib", &c->lane_size);
    if (strchr(c->instance, '/'))
        config_complain(c, name, config_key_line(c, c->instance), "instance: '%s' has a slash", c->instance);
    if (!c->shared[0] &&
        (size_t)snprintf(c->shared, sizeof c->shared, "/dev/shm/rfqd-%s", c->instance) >= sizeof c->shared)
        config_complain(c, name, config_key_line(c, c->instance), "shared: the path is too long");
    if (!c->ops_socket[0] && (size_t)snprintf(c->ops_socket, sizeof c->ops_socket, "%s/ops.sock",
                                              c->directory) >= sizeof c->ops_socket)
        config_complain(c, name, config_key_line(c, c->directory),
                        "ops_socket: the path has more than %d characters", CONFIG_PATH_SIZE - 1);
}
