/* Configuration: one YAML file, read and checked as a whole before anything starts. Owner: main; constant
 * afterwards.
 *
 * Every key stands in one table (config_keys, keys.c): section, name, type, unit, range, default, a sentence.
 * The parser, the checks and the reference (`rfqd --keys`) are made from it. An unknown key, a key given
 * twice, a value out of range, a name that refers to nothing: each is an error with file, line, key, and what
 * is allowed; all errors are reported, not the first.
 */
#ifndef RFQD_CONTROL_CONFIG_H
#define RFQD_CONTROL_CONFIG_H

#include <stdio.h>

#include "control/journal/journal.h"
#include "dataplane/core/core.h"
#include "dataplane/gateway/gateway.h"
#include "dataplane/model/distribution.h"

#define CONFIG_PATH_SIZE  108 /* a Unix socket's path */
#define CONFIG_ERRORS_MAX 50
#define CONFIG_ERROR_SIZE 256
#define CONFIG_KEYS_MAX   128 /* rows of the table */
#define CONFIG_SECTIONS   14

/* Who may do what at the ops socket; each level includes the lower ones (control/ops/access.h). */
enum ops_level { OPS_NONE, OPS_READ, OPS_OPERATE, OPS_ADMIN };

/* Who may read /metrics, which names the parties of all tenants. */
enum http_metrics_for { METRICS_FOR_HOST, METRICS_FOR_ALL, METRICS_FOR_NOBODY };

struct config_core {
    int64_t cpu;
    int64_t idle; /* enum idle_strategy */
    uint64_t warm_ns;
    char run[CORE_AGENTS_MAX][ID_TEXT_SIZE];
    unsigned run_count;
};

/* Entities last: they end in an array without a size. */
struct config_lp {
    char session[ID_TEXT_SIZE];
    struct lp lp;
};

struct config_taker {
    char session[ID_TEXT_SIZE];
    struct taker taker;
};

/* What http.connections_max may be. */
#define CONFIG_HTTP_CONNECTIONS_MAX 16000

/* People and programs that come by HTTP and WebSocket, and whose word is taken for it. */
#define CONFIG_TENANTS_MAX    64
#define CONFIG_TOKEN_KEYS_MAX 32

enum user_role { USER_TRADER = 1, USER_MANAGER = 2, USER_OPS = 4, USER_ADMIN = 8 };
enum token_algorithm { TOKEN_HS256 = 1, TOKEN_RS256 = 2, TOKEN_ES256 = 3 };

struct config_tenant {
    char name[CODE_SIZE];
    uint32_t number;
};

struct config_user {
    char name[CODE_SIZE]; /* the token's `sub`; also the code of the taker as whom it acts */
    char tenant[CODE_SIZE], team[CODE_SIZE];
    uint32_t role; /* enum user_role */
};

struct config_token_key {
    char id[ID_TEXT_SIZE]; /* the token's `kid` */
    uint32_t algorithm;    /* enum token_algorithm: the only one that is taken with this key */
    char file[CONFIG_PATH_SIZE];
    char tenant[CODE_SIZE]; /* whose users it may name; empty: any's */
};

#define TOKEN_KEY_FILE_MAX   16384u
#define TOKEN_KEY_SECRET_MIN 32u /* bytes of an HS256 secret: RFC 7518, 3.2 */

struct config_session {
    struct gateway_session_config session;
};

struct config {
    char instance[ID_TEXT_SIZE];
    char directory[CONFIG_PATH_SIZE]; /* log/, store/, ops socket */
    char shared[CONFIG_PATH_SIZE];    /* rings and counters; empty in the file: /dev/shm/rfqd-<instance> */
    char ops_socket[CONFIG_PATH_SIZE];
    int64_t ops_group; /* enum ops_level */
    struct sockaddr_in listen;
    bool has_listen;
    int64_t level; /* enum durability_level */
    uint64_t log_sync_interval_ns, log_retain_size, log_segment_size;
    uint64_t store_map_size;
    uint64_t checkpoint_interval_ns, checkpoint_events;
    uint64_t retention_ns, sent_messages;
    uint64_t ring_gateway_size, ring_engine_size, lane_size;
    uint64_t resend_store_size;
    uint64_t connections_max;
    uint64_t digest_every_batches;
    int64_t journal_format; /* enum journal_format */
    int64_t journal_level;  /* enum journal_level */
    struct settings settings;

    struct config_core cores[CORES_MAX];
    unsigned core_count;
    struct instrument *instruments;
    unsigned instrument_count;
    struct config_lp *lps;
    unsigned lp_count;
    struct config_taker *takers;
    unsigned taker_count;
    struct config_session *sessions;
    unsigned session_count;

    struct sockaddr_in http_listen;
    bool has_http;
    char http_certificate[CONFIG_PATH_SIZE], http_key[CONFIG_PATH_SIZE]; /* PEM files; empty: no TLS */
    char http_origins[CONFIG_PATH_SIZE * 4]; /* separated by blanks: pages that may open a WebSocket */
    uint64_t http_connections_max, http_connections_per_address_max, http_connections_per_tenant_max;
    uint64_t http_requests_per_s_max;
    int64_t http_metrics; /* enum http_metrics_for */
    uint64_t http_head_timeout_ns, http_body_timeout_ns, http_idle_timeout_ns, http_write_timeout_ns;
    struct config_tenant tenants[CONFIG_TENANTS_MAX];
    unsigned tenant_count;
    struct config_user *users;
    unsigned user_count;
    struct config_token_key token_keys[CONFIG_TOKEN_KEYS_MAX];
    unsigned token_key_count;

    /* Where in the file it stands, for errors of relations; 0: nowhere, the default holds, or it is as it was
     * at start (config_keep). Keys of lists have their entry's line. */
    uint32_t key_lines[CONFIG_KEYS_MAX];     /* by place in config_keys */
    uint32_t section_lines[CONFIG_SECTIONS]; /* by enum config_section */
    uint32_t *entry_lines[CONFIG_SECTIONS];  /* of a list's entries; NULL: no list */

    unsigned error_count; /* may exceed what is kept */
    char errors[CONFIG_ERRORS_MAX][CONFIG_ERROR_SIZE];
};

/* Read and check, the files of keys and certificates that it names too: what cannot be read now could not be
 * at a start. The result is to be freed in either case. ERR_SYNTAX: error_count > 0 and errors[] say what;
 * ERR_IO: the file cannot be read, or is none (a pipe, a directory): errors[0] says why; ERR_MEMORY. */
enum err config_load(struct config **out, const char *path) WARN_UNUSED;
/* The same from text, without a look at any file; name stands for the file in errors. */
enum err config_parse(struct config **out, const char *text, size_t size, const char *name) WARN_UNUSED;
void config_free(struct config *c);
/* A token key's file into bytes[TOKEN_KEY_FILE_MAX + 1], with a zero at its end, and how many they are. NULL;
 * or why it is none of this algorithm (static storage, or the system's). */
const char *config_token_key_read(const struct config_token_key *k, unsigned char *bytes, size_t *size);
/* NULL: none of that name. */
const struct config_tenant *config_tenant_named(const struct config *c, const char *name);
/* The reference of all keys, for people. */
void config_print_keys(FILE *to);
/* The same as a manual page, rfqd.conf(5). */
void config_print_manual(FILE *to);

#endif
