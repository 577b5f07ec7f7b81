/* Every command of the ops socket, once. The socket's public face: rfqd's table of commands (commands.c) and
 * rfqctl's views, help, man page and completion are made of this list.
 *
 * X(id, name, verb, verb_at, arguments, least, most, LEVEL, WHERE, sentence)
 *
 * A name may have several rows, told apart by a verb: the word that stands at argument `verb_at`. A row
 * without a verb (NULL) is meant where no verb fits; of several, the one that takes so many arguments. least
 * and most count the arguments, the verb included.
 * `arguments` is what help shows, and the grammar of completion: lower case stands for itself, capitals name
 * a thing (SESSION, LP, RFQ, ORDER, STATE, LEVEL, TABLE, FILE, DIR …), brackets are optional.
 *
 * LEVEL: who may give it. READ looks; OPERATE changes what runs; ADMIN changes what counts: numbers,
 * configuration, copies of the record.
 *
 * WHERE: CORE: on the control core, at once or in bounded steps; it may send for what is on a disk by a
 * thread. THREAD: on a thread of its own, because it waits for a disk: it may touch store and log, not the
 * replica's state; one of each at a time.
 */
#ifndef RFQD_OPS_COMMAND_LIST_H
#define RFQD_OPS_COMMAND_LIST_H

#define OPS_ARGUMENTS_MAX 12

/* clang-format off */
#define OPS_COMMAND_LIST(X)                                                                                           \
    X(status, "status", NULL, 0, "", 0, 0, READ, CORE,                                                                \
      "positions, lags, sessions, RFQs by state, the last recovery")                                                  \
    X(sessions, "sessions", NULL, 0, "", 0, 0, READ, CORE, "FIX sessions: state, sequence numbers, messages")         \
    X(session, "session", NULL, 0, "SESSION [show]", 1, 2, READ, CORE, "one FIX session and its configuration")       \
    X(session_logout, "session", "logout", 1, "SESSION logout [TEXT...]", 2, OPS_ARGUMENTS_MAX, OPERATE, CORE,        \
      "sends Logout and waits for the end of the connection; the peer may log on again")                              \
    X(session_reset, "session", "reset", 1, "SESSION reset", 2, 2, ADMIN, CORE,                                       \
      "both sequence numbers become 1, while the session is down; what was kept for the peer is forgotten")           \
    X(session_seq, "session", "seq", 1, "SESSION seq IN OUT", 4, 4, ADMIN, CORE,                                      \
      "sets the number expected next and the number sent next, while the session is down")                            \
    X(lps, "lps", NULL, 0, "", 0, 0, READ, CORE, "liquidity providers with their statistics")                         \
    X(lp, "lp", NULL, 0, "LP", 1, 1, READ, CORE, "one LP: its configuration and its statistics")                      \
    X(takers, "takers", NULL, 0, "", 0, 0, READ, CORE, "takers: session, tenant, RFQs")                               \
    X(instruments, "instruments", NULL, 0, "", 0, 0, READ, CORE, "instruments: tick, lot, limits, collar")            \
    X(rfqs, "rfqs", NULL, 0, "[STATE]", 0, 1, READ, CORE,                                                             \
      "RFQs in memory; of one state or status only, where it is named")                                               \
    X(rfq, "rfq", NULL, 0, "RFQ", 1, 1, READ, CORE, "one RFQ's timeline, with the nanoseconds of each stage")         \
    X(orders, "orders", NULL, 0, "[STATE]", 0, 1, READ, CORE, "orders in memory; of one state only, where it is named") \
    X(order, "order", NULL, 0, "ORDER", 1, 1, READ, CORE, "one order and its fills, in memory or in the store")       \
    X(events, "events", NULL, 0, "[--follow] [--type TYPE] [--rfq RFQ] [--from SEQ]", 0, 7, READ, CORE,               \
      "records of the log as they became durable; --follow goes on until Ctrl-C")                                     \
    X(fix_log, "fix", "log", 0, "log SESSION [--follow] [--type TYPE] [--from SEQ] [--in | --out]", 2, 9, READ, CORE, \
      "every FIX message in and out of a session, with nanoseconds, in tag names")                                    \
    X(latency, "latency", NULL, 0, "[SESSION]", 0, 1, READ, CORE,                                                     \
      "how long each stage takes, from the stamps in the record; of one session only, where it is named")             \
    X(latency_reset, "latency", "reset", 0, "reset", 1, 1, OPERATE, CORE, "empties the histograms")                   \
    X(cores, "cores", NULL, 0, "", 0, 0, READ, CORE, "which agents each core runs, how it idles, how busy it is, stalls") \
    X(lanes, "lanes", NULL, 0, "", 0, 0, READ, CORE, "how full each ring and lane is")                                \
    X(counters, "counters", NULL, 0, "", 0, 0, READ, CORE, "every counter and gauge")                                 \
    X(metrics, "metrics", NULL, 0, "", 0, 0, READ, CORE, "everything there is to watch, as Prometheus text")           \
    X(workflow, "workflow", NULL, 0, "[dot|page]", 0, 1, READ, CORE,                                                  \
      "the RFQ state machine, as a table, a Graphviz diagram, or WORKFLOW.md")                                        \
    X(log, "log", NULL, 0, "", 0, 0, READ, CORE, "the least important of what is said on standard error, and lines lost") \
    X(log_level, "log", NULL, 0, "LEVEL", 1, 1, OPERATE, CORE,                                                     \
      "error, warning, info or debug: what is said from now on, until a restart or a reload that changes it")         \
    X(config_show, "config", "show", 0, "show", 1, 1, READ, CORE, "every key with the value in force")                \
    X(config_check, "config", "check", 0, "check FILE", 2, 2, OPERATE, THREAD, "reads another file of rfqd's host; each error with its line") \
    X(config_reload, "config", "reload", 0, "reload", 1, 1, ADMIN, THREAD,                                            \
      "reads the file again, applies what can change, names what needs a restart")                                    \
    X(snapshot, "snapshot", NULL, 0, "", 0, 0, OPERATE, CORE, "a checkpoint now: the state in the store")             \
    X(backup, "backup", NULL, 0, "DIR", 1, 1, ADMIN, THREAD, "a consistent copy of store and log in a new directory of rfqd's host") \
    X(verify, "verify", NULL, 0, "", 0, 0, READ, THREAD,                                                              \
      "the log applied again and compared with the store and with what is in memory")                                 \
    X(dump, "dump", NULL, 0, "[TABLE]", 0, 1, READ, THREAD,                                                           \
      "a table of the store, a line of JSON each; without a name, all of them")                                       \
    X(drain, "drain", NULL, 0, "", 0, 0, OPERATE, CORE, "takes no new RFQs; those alive run to their end")            \
    X(drain_stop, "drain", "stop", 0, "stop", 1, 1, OPERATE, CORE, "the same, and ends rfqd when nothing is alive")   \
    X(drain_off, "drain", "off", 0, "off", 1, 1, OPERATE, CORE, "takes new RFQs again")                               \
    X(stop, "stop", NULL, 0, "", 0, 0, OPERATE, CORE, "logs all sessions out, completes the record and ends rfqd")    \
    X(help, "help", NULL, 0, "", 0, 0, READ, CORE, "what the running rfqd understands")

/* What rfqctl does by itself, of other commands or of this host: X(id, name, arguments, sentence) */
#define OPS_LOCAL_LIST(X)                                                                                             \
    X(top, "top", "", "cores, rings and lanes, rates, latencies and sessions, live")                                  \
    X(doctor, "doctor", "[ROOT]", "is this host set up for low latency? each finding with its remedy")                \
    X(token, "token", "--key FILE --kid ID --user USER --tenant TENANT --role ROLE [--ttl TIME]",                     \
      "a bearer token for the API, signed with a key of which rfqd knows the other half (token_keys)")
/* clang-format on */

#endif
