#include "control/config/keys.h"

#define US 1000ull
#define MS 1000000ull
#define S  1000000000ull

const struct config_section_info config_sections[SECTIONS] = {
    [SECTION_TOP] = {NULL, false, 0, "the appliance"},
    [SECTION_FIX] = {"fix", false, 0, "FIX sessions in general"},
    [SECTION_RECORD] = {"record", false, 0, "rings, log and store"},
    [SECTION_SETTINGS] = {"settings", false, 0, "times and limits that decisions use"},
    [SECTION_HTTP] = {"http", false, 0, "HTTP and WebSocket"},
    [SECTION_LOG] = {"log", false, 0, "what is said on standard error"},
    [SECTION_CORES] = {"cores", true, sizeof(struct config_core), "which agent runs on which core"},
    [SECTION_INSTRUMENTS] = {"instruments", true, sizeof(struct instrument), "reference data"},
    [SECTION_SESSIONS] = {"sessions", true, sizeof(struct config_session), "FIX sessions"},
    [SECTION_LPS] = {"lps", true, sizeof(struct config_lp), "liquidity providers"},
    [SECTION_TAKERS] = {"takers", true, sizeof(struct config_taker), "takers"},
    [SECTION_TENANTS] = {"tenants", true, sizeof(struct config_tenant), "customer organisations"},
    [SECTION_USERS] = {"users", true, sizeof(struct config_user), "who may come by HTTP and WebSocket"},
    [SECTION_TOKEN_KEYS] = {"token_keys", true, sizeof(struct config_token_key),
                            "keys that tokens (JWT) are signed with"},
};

static const struct config_choice levels[] = {
    {"committed", LEVEL_COMMITTED}, {"synced", LEVEL_SYNCED}, {NULL, 0}};
static const struct config_choice formats[] = {{"text", JOURNAL_TEXT}, {"json", JOURNAL_JSON}, {NULL, 0}};
static const struct config_choice log_levels[] = {{"error", JOURNAL_ERROR},
                                                  {"warning", JOURNAL_WARNING},
                                                  {"info", JOURNAL_INFO},
                                                  {"debug", JOURNAL_DEBUG},
                                                  {NULL, 0}};
static const struct config_choice ops_levels[] = {
    {"none", OPS_NONE}, {"read", OPS_READ}, {"operate", OPS_OPERATE}, {"admin", OPS_ADMIN}, {NULL, 0}};
static const struct config_choice idles[] = {
    {"spin", IDLE_SPIN}, {"pause", IDLE_PAUSE}, {"yield", IDLE_YIELD}, {"backoff", IDLE_BACKOFF}, {NULL, 0}};
static const struct config_choice roles[] = {{"taker", ROLE_TAKER}, {"lp", ROLE_LP}, {NULL, 0}};
static const struct config_choice statuses[] = {
    {"active", LP_ACTIVE}, {"inactive", LP_INACTIVE}, {"suspended", LP_SUSPENDED}, {NULL, 0}};
static const struct config_choice acks[] = {{"any", 1}, {"none", 0}, {NULL, 0}};
static const struct config_choice losers[] = {{"cancel", 0}, {"response", 1}, {NULL, 0}};
static const struct config_choice precisions[] = {
    {"ms", FIX_TIME_MS}, {"us", FIX_TIME_US}, {"ns", FIX_TIME_NS}, {NULL, 0}};

static const struct config_choice user_roles[] = {
    {"trader", USER_TRADER}, {"manager", USER_MANAGER}, {"ops", USER_OPS}, {"admin", USER_ADMIN}, {NULL, 0}};
static const struct config_choice algorithms[] = {
    {"HS256", TOKEN_HS256}, {"RS256", TOKEN_RS256}, {"ES256", TOKEN_ES256}, {NULL, 0}};

static const struct config_choice metrics_for[] = {
    {"host", METRICS_FOR_HOST}, {"all", METRICS_FOR_ALL}, {"nobody", METRICS_FOR_NOBODY}, {NULL, 0}};

#define TOP(member)        offsetof(struct config, member), sizeof(((struct config *)0)->member)
#define CORE(member)       offsetof(struct config_core, member), sizeof(((struct config_core *)0)->member)
#define INSTRUMENT(member) offsetof(struct instrument, member), sizeof(((struct instrument *)0)->member)
#define SESSION(member) \
    offsetof(struct config_session, session.member), sizeof(((struct config_session *)0)->session.member)
#define LP(member)    offsetof(struct config_lp, member), sizeof(((struct config_lp *)0)->member)
#define TAKER(member) offsetof(struct config_taker, member), sizeof(((struct config_taker *)0)->member)

#define TENANT(member) offsetof(struct config_tenant, member), sizeof(((struct config_tenant *)0)->member)
#define USER(member)   offsetof(struct config_user, member), sizeof(((struct config_user *)0)->member)
#define TOKEN_KEY(member) \
    offsetof(struct config_token_key, member), sizeof(((struct config_token_key *)0)->member)

#define DECIMAL_MAX INT64_MAX
#define LIVE        true

const struct config_key config_keys[] = {
    {SECTION_TOP, "instance", KEY_TEXT, "", 1, 1, 31, NULL, TOP(instance), NULL,
     "Name of this appliance; names its shared memory."},
    {SECTION_TOP, "directory", KEY_TEXT, "", 1, 1, CONFIG_PATH_SIZE - 1, NULL, TOP(directory), NULL,
     "Where log and store live; made where it is missing."},
    {SECTION_TOP, "shared", KEY_TEXT, "", 1, 0, CONFIG_PATH_SIZE - 1, "", TOP(shared), NULL,
     "Where rings and counters live, on a memory file system, of one rfqd only; empty: /dev/shm/rfqd-<instance>."},
    {SECTION_TOP, "ops_socket", KEY_TEXT, "", 1, 0, CONFIG_PATH_SIZE - 1, "", TOP(ops_socket), NULL,
     "The ops control socket; empty: <directory>/ops.sock."},
    {SECTION_TOP, "ops_group", KEY_CHOICE_I64, "", 1, 0, 0, "operate", TOP(ops_group), ops_levels,
     "What members of rfqd's group may do at the ops socket; root and rfqd's own user may do all."},
    {SECTION_TOP, "level", KEY_CHOICE_I64, "", 1, 0, 0, "committed", TOP(level), levels,
     "When an effect leaves: its batch is committed in the ring, or the log is durable past it."},

    {SECTION_FIX, "listen", KEY_ADDRESS, "", 1, 0, 0, "", TOP(listen), NULL,
     "Where sessions that log on to us connect; empty: nowhere."},
    {SECTION_FIX, "connections_max", KEY_U64, "", 1, 1, 4096, "256", TOP(connections_max), NULL,
     "Connections at one time, accepted and made: one for each session, and 32 for those not logged on yet."},
    {SECTION_FIX, "resend_store_kib", KEY_U64, "KiB", 1024, 64, 1048576, "4096", TOP(resend_store_size), NULL,
     "Sent messages kept in memory for resends, per session; older ones are gap-filled and counted."},

    {SECTION_RECORD, "log_sync_interval_ms", KEY_U64, "ms", MS, 1, 1000, "5", TOP(log_sync_interval_ns), NULL,
     "Longest time from a write to the log to its sync."},
    {SECTION_RECORD, "log_retain_mib", KEY_U64, "MiB", 1048576, 0, 1ll << 40, "0", TOP(log_retain_size), NULL,
     "Log kept behind what storage needs; 0: all of it."},
    {SECTION_RECORD, "log_segment_mib", KEY_U64, "MiB", 1048576, 1, 1024, "64", TOP(log_segment_size), NULL,
     "Size of one file of the log."},
    {SECTION_RECORD, "store_map_gib", KEY_U64, "GiB", 1073741824, 1, 4096, "64", TOP(store_map_size), NULL,
     "Address space reserved for the store; its file grows up to this."},
    {SECTION_RECORD, "checkpoint_interval_ms", KEY_U64, "ms", MS, 1, 60000, "50", TOP(checkpoint_interval_ns),
     NULL, "Longest time between two checkpoints."},
    {SECTION_RECORD, "checkpoint_events", KEY_U64, "events", 1, 1, 10000000, "10000", TOP(checkpoint_events),
     NULL, "Most events between two checkpoints."},
    {SECTION_RECORD, "retention_s", KEY_U64, "s", S, 0, 3155760000, "0", TOP(retention_ns), NULL,
     "The store forgets an RFQ, and all that belongs to it, so long after it left memory; 0: never."},
    {SECTION_RECORD, "sent_messages", KEY_U64, "messages", 1, 1000, 100000000, "100000", TOP(sent_messages),
     NULL, "Messages sent kept in the store for resends after a restart, per session; older ones are gap-filled."},
    {SECTION_RECORD, "ring_gateway_mib", KEY_U64, "MiB", 1048576, 2, 65536, "64", TOP(ring_gateway_size),
     NULL, "Size of a gateway's ring, a power of two."},
    {SECTION_RECORD, "ring_engine_mib", KEY_U64, "MiB", 1048576, 2, 65536, "256", TOP(ring_engine_size), NULL,
     "Size of an engine's ring, a power of two."},
    {SECTION_RECORD, "lane_mib", KEY_U64, "MiB", 1048576, 1, 1024, "8", TOP(lane_size), NULL,
     "Size of a lane between two agents, a power of two."},
    {SECTION_RECORD, "digest_every_batches", KEY_U64, "batches", 1, 0, 1000000000, "4096",
     TOP(digest_every_batches), NULL,
     "How often an engine writes its digest for the replica to compare; 0: never."},

    {SECTION_SETTINGS, "ack_timeout_ms", KEY_U64, "ms", MS, 10, 600000, "5000", TOP(settings.ack_timeout_ns),
     NULL, "A delivery not acknowledged for so long is a failed attempt.", LIVE},
    {SECTION_SETTINGS, "retry_first_ms", KEY_U64, "ms", MS, 1, 60000, "100", TOP(settings.retry_first_ns),
     NULL, "Before the second attempt of a delivery; doubled for each further one.", LIVE},
    {SECTION_SETTINGS, "delivery_attempts_max", KEY_U32, "", 1, 1, 10, "3",
     TOP(settings.delivery_attempts_max), NULL, "Attempts of one delivery.", LIVE},
    {SECTION_SETTINGS, "deadline_default_ms", KEY_U64, "ms", MS, 100, 3600000, "30000",
     TOP(settings.deadline_default_ns), NULL, "Deadline of an RFQ that names none.", LIVE},
    {SECTION_SETTINGS, "deadline_min_ms", KEY_U64, "ms", MS, 1, 3600000, "1000",
     TOP(settings.deadline_min_ns), NULL, "Shortest deadline an extension may set.", LIVE},
    {SECTION_SETTINGS, "deadline_max_ms", KEY_U64, "ms", MS, 1000, 86400000, "3600000",
     TOP(settings.deadline_max_ns), NULL, "Longest deadline of an RFQ.", LIVE},
    {SECTION_SETTINGS, "backup_deadline_ms", KEY_U64, "ms", MS, 100, 3600000, "10000",
     TOP(settings.backup_deadline_ns), NULL, "After an LP's default: time to take the next quote.", LIVE},
    {SECTION_SETTINGS, "retire_after_ms", KEY_U64, "ms", MS, 100, 86400000, "60000",
     TOP(settings.retire_after_ns), NULL,
     "An ended RFQ or order stays in memory for so long; the store keeps it.", LIVE},
    {SECTION_SETTINGS, "order_ack_timeout_ms", KEY_U64, "ms", MS, 10, 600000, "2000",
     TOP(settings.order_ack_timeout_ns), NULL,
     "An order without an answer for so long is in doubt and cancelled.", LIVE},
    {SECTION_SETTINGS, "order_cancel_retry_ms", KEY_U64, "ms", MS, 10, 600000, "5000",
     TOP(settings.order_cancel_retry_ns), NULL, "Between two cancels of an order in doubt.", LIVE},
    {SECTION_SETTINGS, "rfqs_max", KEY_U32, "", 1, 16, 4000000, "20000", TOP(settings.rfqs_max), NULL,
     "RFQs in memory at one time."},
    {SECTION_SETTINGS, "deliveries_max", KEY_U32, "", 1, 64, 64000000, "200000", TOP(settings.deliveries_max),
     NULL, "Deliveries in memory at one time."},
    {SECTION_SETTINGS, "quotes_max", KEY_U32, "", 1, 64, 64000000, "200000", TOP(settings.quotes_max), NULL,
     "Quotes in memory at one time."},
    {SECTION_SETTINGS, "orders_max", KEY_U32, "", 1, 16, 4000000, "40000", TOP(settings.orders_max), NULL,
     "Orders in memory at one time."},
    {SECTION_SETTINGS, "fills_max", KEY_U32, "", 1, 16, 64000000, "200000", TOP(settings.fills_max), NULL,
     "Fills in memory at one time."},

    {SECTION_HTTP, "listen", KEY_ADDRESS, "", 1, 0, 0, "", TOP(http_listen), NULL,
     "Where the API, the WebSocket and the page are; empty: nowhere."},
    {SECTION_HTTP, "certificate_file", KEY_TEXT, "", 1, 0, CONFIG_PATH_SIZE - 1, "", TOP(http_certificate),
     NULL, "PEM, with its chain: TLS 1.2 and 1.3; empty: no TLS."},
    {SECTION_HTTP, "key_file", KEY_TEXT, "", 1, 0, CONFIG_PATH_SIZE - 1, "", TOP(http_key), NULL,
     "PEM: the certificate's private key."},
    {SECTION_HTTP, "origins", KEY_TEXT, "", 1, 0, CONFIG_PATH_SIZE * 4 - 1, "", TOP(http_origins), NULL,
     "Pages of other origins that may connect (https://desk.example), separated by blanks."},
    {SECTION_HTTP, "connections_max", KEY_U64, "", 1, 1, CONFIG_HTTP_CONNECTIONS_MAX, "1024",
     TOP(http_connections_max), NULL, "Connections at one time, WebSockets among them."},
    {SECTION_HTTP, "connections_per_address_max", KEY_U64, "", 1, 1, CONFIG_HTTP_CONNECTIONS_MAX, "256",
     TOP(http_connections_per_address_max), NULL, "Of them, from one address."},
    {SECTION_HTTP, "connections_per_tenant_max", KEY_U64, "", 1, 1, CONFIG_HTTP_CONNECTIONS_MAX, "512",
     TOP(http_connections_per_tenant_max), NULL, "Of them, WebSockets of one tenant's users."},
    {SECTION_HTTP, "requests_per_s_max", KEY_U64, "", 1, 1, 1000000, "200", TOP(http_requests_per_s_max), NULL,
     "Of one user, over all its connections; two seconds' worth may come at once."},
    {SECTION_HTTP, "metrics", KEY_CHOICE_I64, "", 1, 0, 0, "host", TOP(http_metrics), metrics_for,
     "Who may read /metrics, which names the parties of all tenants: who comes over loopback (a proxy on this host "
     "must not pass it on), all who reach the port, or nobody."},
    {SECTION_HTTP, "head_timeout_ms", KEY_U64, "ms", MS, 10, 600000, "5000", TOP(http_head_timeout_ns), NULL,
     "For a request's head to come whole."},
    {SECTION_HTTP, "body_timeout_ms", KEY_U64, "ms", MS, 10, 600000, "10000", TOP(http_body_timeout_ns), NULL,
     "For a request's body to come whole."},
    {SECTION_HTTP, "idle_timeout_ms", KEY_U64, "ms", MS, 10, 3600000, "60000", TOP(http_idle_timeout_ns),
     NULL, "Between two requests of a connection."},
    {SECTION_HTTP, "write_timeout_ms", KEY_U64, "ms", MS, 10, 3600000, "30000", TOP(http_write_timeout_ns),
     NULL, "For a peer to read something of what waits for it."},

    {SECTION_LOG, "format", KEY_CHOICE_I64, "", 1, 0, 0, "text", TOP(journal_format), formats,
     "Lines for people, or a JSON object each."},
    {SECTION_LOG, "level", KEY_CHOICE_I64, "", 1, 0, 0, "info", TOP(journal_level), log_levels,
     "The least important that is written.", LIVE},

    {SECTION_CORES, "cpu", KEY_I64, "", 1, -1, 1023, "-1", CORE(cpu), NULL, "CPU to pin to; -1: not pinned."},
    {SECTION_CORES, "idle", KEY_CHOICE_I64, "", 1, 0, 0, "yield", CORE(idle), idles,
     "What it does when no agent had work; spin and pause become yield where cores are fewer than pollers."},
    {SECTION_CORES, "warm_us", KEY_U64, "us", US, 0, 1000000, "50", CORE(warm_ns), NULL,
     "A core that spins or pauses goes through a message's way after so long without work, to keep it in the "
     "caches; 0: never."},
    {SECTION_CORES, "run", KEY_NAMES, "", 1, 1, CORE_AGENTS_MAX, NULL, CORE(run), NULL,
     "Agents: gateway, distribution, routing, log, control; each runs on exactly one core."},

    {SECTION_INSTRUMENTS, "symbol", KEY_TEXT, "", 1, 1, SYMBOL_SIZE - 1, NULL, INSTRUMENT(symbol), NULL,
     "As in Symbol (55).", LIVE},
    {SECTION_INSTRUMENTS, "currency", KEY_TEXT, "", 1, 0, 7, "USD", INSTRUMENT(currency), NULL,
     "Price currency.", LIVE},
    {SECTION_INSTRUMENTS, "asset_class", KEY_U32, "", 1, 0, 31, "0", INSTRUMENT(asset_class), NULL,
     "Number of its asset class.", LIVE},
    {SECTION_INSTRUMENTS, "tick", KEY_DECIMAL, "price", 1, 0, DECIMAL_MAX, "0", INSTRUMENT(tick), NULL,
     "Prices are multiples of it; 0: any.", LIVE},
    {SECTION_INSTRUMENTS, "lot", KEY_DECIMAL, "quantity", 1, 0, DECIMAL_MAX, "0", INSTRUMENT(lot), NULL,
     "Quantities are multiples of it; 0: any.", LIVE},
    {SECTION_INSTRUMENTS, "quantity_min", KEY_DECIMAL, "quantity", 1, 1, DECIMAL_MAX, "0.00000001",
     INSTRUMENT(quantity_min), NULL, "Smallest quantity of an RFQ.", LIVE},
    {SECTION_INSTRUMENTS, "quantity_max", KEY_DECIMAL, "quantity", 1, 1, DECIMAL_MAX, "1000000000",
     INSTRUMENT(quantity_max), NULL, "Largest quantity of an RFQ.", LIVE},
    {SECTION_INSTRUMENTS, "reference_price", KEY_DECIMAL, "price", 1, 0, DECIMAL_MAX, "0",
     INSTRUMENT(reference_price), NULL, "What the collar is measured from; 0: no collar.", LIVE},
    {SECTION_INSTRUMENTS, "collar_percent", KEY_DECIMAL, "percent", 1, 0, DECIMAL_MAX, "0",
     INSTRUMENT(collar_percent), NULL, "A quote further off the reference is refused; 0: none is.", LIVE},
    {SECTION_INSTRUMENTS, "tradable", KEY_BOOL_U32, "", 1, 0, 1, "true", INSTRUMENT(tradable), NULL,
     "RFQs in it are taken.", LIVE},

    {SECTION_SESSIONS, "name", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, NULL, SESSION(name), NULL,
     "Keeps its sequence numbers under this name."},
    {SECTION_SESSIONS, "role", KEY_CHOICE_U32, "", 1, 0, 0, NULL, SESSION(role), roles, "What the peer is."},
    {SECTION_SESSIONS, "sender", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, "RFQD", SESSION(fix.sender), NULL,
     "Our CompID (49 in what we send)."},
    {SECTION_SESSIONS, "target", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, NULL, SESSION(fix.target), NULL,
     "The peer's CompID."},
    {SECTION_SESSIONS, "connect", KEY_ADDRESS, "", 1, 0, 0, "", SESSION(address), NULL,
     "We log on there; empty: the peer logs on to us."},
    {SECTION_SESSIONS, "local", KEY_ADDRESS, "", 1, 0, 0, "", SESSION(local), NULL,
     "Connect from there: a fixed port clears the old connection at once after a crash."},
    {SECTION_SESSIONS, "heartbeat_s", KEY_U32, "s", 1, 1, 3600, "30", SESSION(fix.heartbeat_s), NULL,
     "HeartBtInt we ask for; the most we admit from a peer that logs on."},
    {SECTION_SESSIONS, "logon_timeout_ms", KEY_U32, "ms", 1, 100, 600000, "10000",
     SESSION(fix.logon_timeout_ms), NULL, "For the peer's Logon."},
    {SECTION_SESSIONS, "logout_timeout_ms", KEY_U32, "ms", 1, 10, 600000, "2000",
     SESSION(fix.logout_timeout_ms), NULL, "For the answer to our Logout."},
    {SECTION_SESSIONS, "time_tolerance_s", KEY_U32, "s", 1, 0, 86400, "120", SESSION(fix.time_tolerance_s),
     NULL, "SendingTime further off is refused; 0: not checked."},
    {SECTION_SESSIONS, "admit_reset", KEY_BOOL, "", 1, 0, 1, "false", SESSION(fix.admit_reset), NULL,
     "The peer may reset numbers at logon (141=Y)."},
    {SECTION_SESSIONS, "validate", KEY_BOOL, "", 1, 0, 1, "true", SESSION(fix.validate), NULL,
     "Messages are checked against the dictionary; what breaks it is rejected."},
    {SECTION_SESSIONS, "admit_user_tags", KEY_BOOL, "", 1, 0, 1, "false", SESSION(fix.admit_user_tags), NULL,
     "Tags from 5000 on are taken and ignored."},
    {SECTION_SESSIONS, "next_expected", KEY_BOOL, "", 1, 0, 1, "false", SESSION(fix.next_expected), NULL,
     "Send NextExpectedMsgSeqNum (789) at logon; a peer's is always honoured."},
    {SECTION_SESSIONS, "time_precision", KEY_CHOICE_U32, "", 1, 0, 0, "ms", SESSION(fix.precision),
     precisions, "Of the times we send."},
    {SECTION_SESSIONS, "reconnect_first_ms", KEY_U64, "ms", MS, 1, 600000, "100", SESSION(reconnect_first_ns),
     NULL, "Before the first attempt to connect again; doubled up to reconnect_max_ms."},
    {SECTION_SESSIONS, "reconnect_max_ms", KEY_U64, "ms", MS, 1, 600000, "5000", SESSION(reconnect_max_ns),
     NULL, "Longest time between two attempts to connect."},
    {SECTION_SESSIONS, "resend_age_max_s", KEY_U64, "s", S, 0, 864000, "0", SESSION(resend_age_max_ns), NULL,
     "Messages older than this are gap-filled instead of sent again; 0: none are."},

    {SECTION_LPS, "code", KEY_TEXT, "", 1, 1, 20, NULL, LP(lp.code), NULL, "Unique; keeps its history.",
     LIVE},
    {SECTION_LPS, "session", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, NULL, LP(session), NULL,
     "Its FIX session.", LIVE},
    {SECTION_LPS, "tenant", KEY_U32, "", 1, 0, 1000000, "0", LP(lp.tenant), NULL, "Number of its tenant.",
     LIVE},
    {SECTION_LPS, "status", KEY_CHOICE_U32, "", 1, 0, 0, "active", LP(lp.status), statuses,
     "Whether it is asked. Quotes of one that is not active end, and takers are told.", LIVE},
    {SECTION_LPS, "asset_classes", KEY_U32, "bits", 1, 0, UINT32_MAX, "4294967295", LP(lp.asset_classes),
     NULL, "Bit set of the asset classes it quotes.", LIVE},
    {SECTION_LPS, "size_min", KEY_DECIMAL, "quantity", 1, 0, DECIMAL_MAX, "0", LP(lp.size_min), NULL,
     "Smallest RFQ it is asked for.", LIVE},
    {SECTION_LPS, "size_max", KEY_DECIMAL, "quantity", 1, 1, DECIMAL_MAX, "92233720368", LP(lp.size_max),
     NULL, "Largest RFQ it is asked for.", LIVE},
    {SECTION_LPS, "concurrent_rfqs_max", KEY_U32, "", 1, 1, 1000000, "100", LP(lp.concurrent_rfqs_max), NULL,
     "RFQs open at it at one time.", LIVE},
    {SECTION_LPS, "rfq_ack", KEY_CHOICE_U8, "", 1, 0, 0, "any", LP(lp.ack_required), acks,
     "any: b, AI or a quote acknowledges an RFQ; none: written counts as delivered.", LIVE},
    {SECTION_LPS, "losers", KEY_CHOICE_U8, "", 1, 0, 0, "cancel", LP(lp.losers_by_aj), losers,
     "How it learns that it lost: QuoteCancel, or QuoteResponse 694=5.", LIVE},

    {SECTION_TAKERS, "code", KEY_TEXT, "", 1, 1, 20, NULL, TAKER(taker.code), NULL,
     "Unique; keeps its history.", LIVE},
    {SECTION_TAKERS, "session", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, NULL, TAKER(session), NULL,
     "Its FIX session.", LIVE},
    {SECTION_TAKERS, "tenant", KEY_U32, "", 1, 0, 1000000, "0", TAKER(taker.tenant), NULL,
     "Number of its tenant.", LIVE},

    {SECTION_TENANTS, "name", KEY_TEXT, "", 1, 1, 20, NULL, TENANT(name), NULL,
     "As the tokens' `tenant` has it."},
    {SECTION_TENANTS, "number", KEY_U32, "", 1, 0, 1000000, NULL, TENANT(number), NULL,
     "As `tenant` of LPs and takers has it."},

    {SECTION_USERS, "name", KEY_TEXT, "", 1, 1, 20, NULL, USER(name), NULL,
     "As the tokens' `sub` has it; acts as the taker of this code."},
    {SECTION_USERS, "tenant", KEY_TEXT, "", 1, 1, 20, NULL, USER(tenant), NULL, "Name of its tenant."},
    {SECTION_USERS, "team", KEY_TEXT, "", 1, 0, 20, "", USER(team), NULL,
     "A manager sees the RFQs of its team; empty: of nobody else."},
    {SECTION_USERS, "role", KEY_CHOICE_U32, "", 1, 0, 0, "trader", USER(role), user_roles,
     "The most that its tokens may claim: a trader has its own RFQs, a manager its team's, ops and admin the "
     "tenant's."},

    {SECTION_TOKEN_KEYS, "id", KEY_TEXT, "", 1, 1, ID_TEXT_SIZE - 1, NULL, TOKEN_KEY(id), NULL,
     "As the tokens' `kid` has it."},
    {SECTION_TOKEN_KEYS, "algorithm", KEY_CHOICE_U32, "", 1, 0, 0, NULL, TOKEN_KEY(algorithm), algorithms,
     "The only one that is taken with this key."},
    {SECTION_TOKEN_KEYS, "file", KEY_TEXT, "", 1, 1, CONFIG_PATH_SIZE - 1, NULL, TOKEN_KEY(file), NULL,
     "HS256: the secret, 32 bytes at least; RS256, ES256: the public key (PEM)."},
    {SECTION_TOKEN_KEYS, "tenant", KEY_TEXT, "", 1, 0, 20, "", TOKEN_KEY(tenant), NULL,
     "The only tenant whose users it may name; empty: any."},
};
const unsigned config_key_count = sizeof config_keys / sizeof *config_keys;
