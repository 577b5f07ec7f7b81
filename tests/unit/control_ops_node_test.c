/* The ops socket beside a whole node, by hand: what an agent is asked, and who gets its answer. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/ops/ops.h"
#include "node_rig.h"
#include "storage/tables.h"

static struct node_rig rig;
static struct journal *journal;
static struct tally *tally;
static struct metrics *metrics;
static struct ops *ops;
static char path[96], file[96];

static uint64_t time_now(void)
{
    return rig.now_ns;
}

static unsigned poll_ops(void *ctx, uint64_t now_ns)
{
    (void)ctx;
    return ops_poll(ops, now_ns);
}

static void setup(void)
{
    const struct journal_config j = {.fd = STDERR_FILENO, .level = JOURNAL_INFO, .clock = time_now};
    rig_open(&rig);
    snprintf(path, sizeof path, "%s/ops.sock", rig.directory);
    snprintf(file, sizeof file, "%s/rfqd.yaml", rig.directory);
    cr_assert_eq(journal_create(&journal, &j), OK);
    cr_assert_eq(tally_create(&tally, rig.node, rig.counters), OK);
    const struct metrics_config m = {.node = rig.node, .counters = rig.counters, .tally = tally};
    cr_assert_eq(metrics_create(&metrics, &m), OK);
    const struct ops_config c = {.path = path,
                                 .node = rig.node,
                                 .config = rig.config,
                                 .config_path = file,
                                 .counters = rig.counters,
                                 .metrics = metrics,
                                 .journal = journal};
    cr_assert_eq(ops_create(&ops, &c), OK);
    rig.more = poll_ops;
    rig_run(&rig);
}

static void teardown(void)
{
    ops_destroy(ops);
    metrics_destroy(metrics);
    tally_destroy(tally);
    journal_destroy(journal);
    unlink(file);
    rig_close(&rig);
}

TestSuite(control_ops_node, .init = setup, .fini = teardown);

static int client(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    rig_pass(&rig, 1000000); /* its place is before that of who comes later */
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    rig_pass(&rig, 1000000);
}

/* What has come, as far as there is room. */
static const char *heard(int fd)
{
    static char text[65536];
    size_t used = 0;
    ssize_t n;
    while ((n = recv(fd, text + used, sizeof text - 1 - used, 0)) > 0)
        used += (size_t)n;
    text[used] = 0;
    return text;
}

/* Until there is an answer: what runs on a thread takes its own time. */
static const char *answer_to(int fd, const char *request)
{
    static char text[1 << 20];
    size_t used = 0;
    text[0] = 0;
    say(fd, request);
    for (unsigned i = 0; i < 10000 && !strstr(text, "{\"end\":true"); i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", heard(fd));
        rig_pass(&rig, 1000000);
        usleep(1000);
    }
    return text;
}

/* 0: none of this name. */
static pid_t thread_named(const char *wanted)
{
    char at[300], name[32];
    pid_t found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *d; tasks && !found && (d = readdir(tasks)) != NULL;) {
        snprintf(at, sizeof at, "/proc/self/task/%s/comm", d->d_name);
        FILE *f = fopen(at, "r");
        if (f && fgets(name, sizeof name, f) && strcmp(strtok(name, "\n"), wanted) == 0)
            found = (pid_t)atoi(d->d_name);
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return found;
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

/* The file that a reload reads: the rig's, with these sections for its own. */
static void write_file(const char *sections)
{
    FILE *f = fopen(file, "w");
    cr_assert(f);
    fprintf(f, "instance: rig\ndirectory: %s\nshared: %s\n%s", rig.directory, rig.directory, sections);
    cr_assert_eq(fclose(f), 0);
}

/* Rows for a dump that is longer than what waits for a client that does not read. */
static void fill_store(void)
{
    struct store_marks marks;
    char key[8], value[9] = {1};
    cr_assert_eq(rig.store->ops->marks(rig.store, &marks), OK);
    cr_assert_eq(rig.store->ops->begin(rig.store), OK);
    for (uint64_t i = 1; i <= 20000; i++) {
        store_be64(key, i);
        memcpy(value + 1, &i, sizeof i);
        cr_assert_eq(rig.store->ops->put(rig.store, TABLE_ORDERS_RFQ, key, sizeof key, value, sizeof value),
                     OK);
    }
    cr_assert_eq(rig.store->ops->commit(rig.store, &marks), OK);
}

/* Agents asked
 * -------------------------------------------------------------------------------------------------- */

Test(control_ops_node, an_answer_goes_to_who_has_asked)
{
    int off = client(), on = client();
    rig.engines_stand = true;
    say(on, "drain\n");
    say(off, "drain off\n"); /* looks before the other whenever both wait */
    cr_assert_not(*heard(on));
    rig.engines_stand = false;
    rig_run(&rig);
    const char *text = heard(on);
    cr_assert(strstr(text, "\"draining\":true") && strstr(text, "{\"end\":true}"), "%s", text);
    text = heard(off);
    cr_assert(strstr(text, "\"draining\":false") && strstr(text, "{\"end\":true}"), "%s", text);
    cr_assert_not(replica_config(node_replica(rig.node))->distribution->draining, "in the order of asking");
    close(on);
    close(off);
}

Test(control_ops_node, who_gives_up_leaves_the_agent_to_others)
{
    int first = client(), second = client();
    rig.engines_stand = true;
    say(first, "drain\n");
    rig_pass(&rig, 19 * RIG_SECOND);
    say(second, "drain off\n");
    rig_pass(&rig, 2 * RIG_SECOND);
    const char *text = heard(first);
    cr_assert(strstr(text, "\"code\":\"timeout\""), "%s", text);
    cr_assert_not(*heard(second));
    rig.engines_stand = false;
    rig_run(&rig);
    text = heard(second);
    cr_assert(strstr(text, "\"draining\":false") && strstr(text, "{\"end\":true}"), "%s", text);
    close(first);
    close(second);
}

Test(control_ops_node, a_reload_ends_where_the_replica_stands_still)
{
    int fd = client();
    write_file("instruments: [{symbol: EURUSD}, {symbol: GBPUSD}]\n");
    replica_config(node_replica(rig.node))->distribution->base.marks.position -= 8;
    const char *text = answer_to(fd, "config reload\n");
    cr_assert(strstr(text, "\"code\":\"diverged\"") && strstr(text, "\"reloaded\""), "%s", text);
    cr_assert(strstr(answer_to(fd, "config show\n"), "GBPUSD"), "what the agents have is in force");
    close(fd);
}

/* Rows
 * ----------------------------------------------------------------------------------------------------------
 */

static void add_instrument(uint64_t id, const char *symbol)
{
    struct table *t = replica_config(node_replica(rig.node))->distribution->instruments;
    struct instrument *in = table_insert(t, id);
    strcpy(in->symbol, symbol);
    table_settle(t);
}

Test(control_ops_node, many_rows_come_in_parts)
{
    int fd = client();
    for (uint64_t id = 1000; id < 4000; id++)
        add_instrument(id, "MANY");
    say(fd, "instruments\n");
    add_instrument(4000, "LATE"); /* far behind what a poll or two have shown */
    char *text = calloc(1, 1 << 21), *at = text;
    for (unsigned i = 0; i < 200 && !strstr(at, "{\"end\":true"); i++) {
        at = text + strlen(text) - (at > text ? 20 : 0);
        strcat(text, heard(fd));
        rig_pass(&rig, 1000000);
    }
    unsigned rows = 0;
    for (at = text; (at = strstr(at, "\"symbol\":\"MANY\"")) != NULL; at++)
        rows++;
    cr_assert_eq(rows, 3000, "%u", rows);
    cr_assert(strstr(text, "LATE") && strstr(text, "EURUSD"));
    free(text);
    close(fd);
}

/* Long answers
 * --------------------------------------------------------------------------------------------------
 */

#define LONG_ANSWER (8u << 20)

/* The answer to a request whose reader reads nothing at first: others are answered meanwhile, and no poll
 * makes more of it than waits for a client. */
static char *answer_read_late(const char *request, unsigned *polls)
{
    int fd = client(), other = client();
    char *text = calloc(1, LONG_ANSWER);
    size_t used = 0;
    ssize_t n;
    *polls = 0;
    say(fd, request);
    for (unsigned i = 0; i < 5; i++) {
        const char *status = answer_to(other, "status\n");
        cr_assert(strstr(status, "\"accepting\":\"yes\"") && strstr(status, "{\"end\":true}"), "%s", status);
    }
    for (size_t before = 0; !strstr(text + before, "{\"end\":true"); ++*polls) {
        before = used > 20 ? used - 20 : 0;
        while ((n = recv(fd, text + used, LONG_ANSWER - 1 - used, 0)) > 0)
            used += (size_t)n;
        rig.now_ns += 1000000;
        ops_poll(ops, rig.now_ns);
        cr_assert_lt(*polls, 10000, "no end");
    }
    close(fd);
    close(other);
    return text;
}

static void write_instruments(unsigned count)
{
    static char text[65536];
    size_t used = (size_t)snprintf(text, sizeof text, "instruments: [{symbol: EURUSD}");
    for (unsigned i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", {symbol: I%u}", i);
    snprintf(text + used, sizeof text - used, "]\n");
    write_file(text);
}

Test(control_ops_node, a_long_configuration_comes_in_steps)
{
    int fd = client();
    unsigned polls;
    write_instruments(300);
    const char *said = answer_to(fd, "config reload\n");
    cr_assert(strstr(said, "\"reloaded\""), "%.300s", said);
    char *text = answer_read_late("config show\n", &polls);
    const char *at = text;
    for (unsigned i = 0; i < 300; i++) {
        char symbol[64];
        snprintf(symbol, sizeof symbol, "\"key\":\"instruments.symbol\",\"entry\":\"I%u\"", i);
        at = strstr(at, symbol);
        cr_assert(at, "%s", symbol);
    }
    cr_assert_eq(occurrences(text, "\"key\":\"instance\""), 1);
    cr_assert_gt(polls, strlen(text) / (OPS_WAITING_MAX + 160u * 1024u), "%u polls", polls);
    free(text);
    close(fd);
}

Test(control_ops_node, who_is_answered_in_steps_takes_turns)
{
    enum { CLIENTS = 10 };
    int fds[CLIENTS];
    static char texts[CLIENTS][1 << 20];
    size_t used[CLIENTS] = {0};
    unsigned ended = 0;
    write_instruments(300);
    fds[0] = client();
    cr_assert(strstr(answer_to(fds[0], "config reload\n"), "\"reloaded\""));
    for (unsigned i = 1; i < CLIENTS; i++)
        fds[i] = client();
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(send(fds[i], "config show\n", 12, 0), 12);
    for (unsigned polls = 0; ended < CLIENTS; polls++) {
        unsigned heard_of = 0;
        cr_assert_lt(polls, 1000);
        rig.now_ns += 1000000;
        ops_poll(ops, rig.now_ns);
        for (unsigned i = 0; i < CLIENTS; i++) {
            ssize_t n = recv(fds[i], texts[i] + used[i], sizeof texts[i] - 1 - used[i], 0);
            heard_of += n > 0;
            used[i] += n > 0 ? (size_t)n : 0;
            ended += n > 0 && strcmp(texts[i] + used[i] - 13, "{\"end\":true}\n") == 0;
        }
        cr_assert_leq(heard_of, 4, "%u in one poll", heard_of);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        cr_assert_str_eq(texts[i], texts[0]);
        close(fds[i]);
    }
}

/* What is shown is the one in force when its turn comes; the one before has gone. */
Test(control_ops_node, a_reload_while_a_configuration_is_shown)
{
    int slow = client(), fd = client();
    write_instruments(1000);
    cr_assert(strstr(answer_to(fd, "config reload\n"), "\"reloaded\""));
    say(slow, "config show\n");
    write_instruments(10);
    cr_assert(strstr(answer_to(fd, "config reload\n"), "\"reloaded\""));
    char *text = calloc(1, LONG_ANSWER);
    for (unsigned i = 0; i < 1000 && !strstr(text, "{\"end\":true}"); i++) {
        strcat(text, heard(slow));
        rig_pass(&rig, 1000000);
    }
    cr_assert(strstr(text, "{\"end\":true}"));
    cr_assert_lt(occurrences(text, "instruments.symbol"), 1000);
    free(text);
    close(slow);
    close(fd);
}

Test(control_ops_node, long_metrics_come_in_steps_and_are_one_text)
{
    char label[COUNTER_LABEL_SIZE], at_end[64];
    unsigned polls;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(label, sizeof label, "session=\"S%u\"", i);
        counter_set(counter_new(rig.counters, COUNTER_TOTAL, "rfqd_ws_commands_total", label), i);
    }
    char *text = answer_read_late("metrics\n", &polls);
    cr_assert_eq(strncmp(text, "{\"text\":\"# HELP rfqd_build_info ", 32), 0, "%.100s", text);
    snprintf(at_end, sizeof at_end, "\\u000a\"}\n{\"end\":true}\n");
    cr_assert_eq(occurrences(text, "\n"), 2, "one object, in one line, and the end");
    cr_assert_str_eq(text + strlen(text) - strlen(at_end), at_end);
    const char *at = text;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(label, sizeof label, "{session=\\\"S%u\\\"} %u\\u000a", i, i);
        at = strstr(at, label);
        cr_assert(at, "%s", label);
    }
    cr_assert_gt(polls, strlen(text) / (OPS_WAITING_MAX + 160u * 1024u), "%u polls", polls);
    free(text);
}

/* The store
 * ---------------------------------------------------------------------------------------------------------
 */

#define PAST_RFQ   0x77u
#define PAST_ORDER 0x78u
#define PAST_LP    40
#define PAST_TAKER 41

/* A disk that does not give its pages: who scans waits, and must not be the control core. */
static struct store_ops hanging;
static const struct store_ops *whole;
static pthread_t core;
static sem_t let_go;
static atomic_uint hung;

static enum err hanging_scan(struct store *s, const char *table, const void *from, size_t from_size,
                             store_visit *visit, void *ctx)
{
    cr_assert_not(pthread_equal(pthread_self(), core), "%s is scanned on the control core", table);
    atomic_fetch_add(&hung, 1);
    sem_wait(&let_go);
    sem_post(&let_go);
    return whole->scan(s, table, from, from_size, visit, ctx);
}

static void hang_store(void)
{
    core = pthread_self();
    sem_init(&let_go, 0, 0);
    whole = rig.store->ops;
    hanging = *whole;
    hanging.scan = hanging_scan;
    rig.store->ops = &hanging;
}

static void put_row(const char *table, uint64_t first, uint64_t second, const void *value, size_t size)
{
    char key[16];
    pair_key(key, first, second);
    cr_assert_eq(rig.store->ops->put(rig.store, table, key, sizeof key, value, size), OK);
}

/* An RFQ that has left memory, with its order, and this many fills and rows of its timeline. */
static void fill_past(unsigned fills, unsigned rows)
{
    struct store_marks marks;
    char key[8], text[1 + sizeof(struct order)] = {STORE_VALUE_VERSION};
    const struct order o = {
        .id = PAST_ORDER, .rfq = PAST_RFQ, .lp = PAST_LP, .taker = PAST_TAKER, .filled_quantity = fills};
    const uint64_t rfq = PAST_RFQ;
    struct {
        struct history_row row;
        struct rfq_transition ev;
    } told = {.row = {.version = STORE_VALUE_VERSION, .agent = AGENT_DISTRIBUTION},
              .ev = {.head = {.type = RECORD_RFQ_TRANSITION, .size = sizeof told.ev}, .rfq = PAST_RFQ}};
    cr_assert_eq(rig.store->ops->marks(rig.store, &marks), OK);
    cr_assert_eq(rig.store->ops->begin(rig.store), OK);
    store_be64(key, PAST_ORDER);
    memcpy(text + 1, &rfq, sizeof rfq);
    cr_assert_eq(rig.store->ops->put(rig.store, TABLE_ORDERS_RFQ, key, sizeof key, text, 1 + sizeof rfq), OK);
    memcpy(text + 1, &o, sizeof o);
    put_row("orders" TABLE_ENDED, PAST_RFQ, PAST_ORDER, text, 1 + offsetof(struct order, transient));
    for (uint64_t i = 0; i < fills; i++) {
        const struct fill f = {.id = 1000 + i, .order = PAST_ORDER + i % 2, .rfq = PAST_RFQ};
        memcpy(text + 1, &f, sizeof f);
        put_row("fills" TABLE_ENDED, PAST_RFQ, f.id, text, 1 + offsetof(struct fill, transient));
    }
    for (uint64_t seq = 1; seq <= rows; seq++)
        put_row(TABLE_HISTORY, PAST_RFQ, seq, &told, sizeof told);
    cr_assert_eq(rig.store->ops->commit(rig.store, &marks), OK);
}

Test(control_ops_node, what_waits_for_the_store_keeps_nobody_else_waiting)
{
    int rfq = client(), order = client(), other = client();
    unsigned rows = (unsigned)replica_seq(node_replica(rig.node)) - 1;
    cr_assert_gt(rows, 0);
    fill_past(3, rows + 5); /* what comes after the asking is not shown */
    hang_store();
    say(rfq, "rfq R77\n");
    say(order, "order O78\n");
    for (unsigned i = 0; i < 10000 && atomic_load(&hung) < 2; i++)
        usleep(1000), rig_pass(&rig, 1000000);
    cr_assert_eq(atomic_load(&hung), 2);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(strstr(answer_to(other, "status\n"), "{\"end\":true}"));
    cr_assert_not(*heard(rfq));
    cr_assert_not(*heard(order));
    sem_post(&let_go);
    const char *text = answer_to(rfq, "");
    cr_assert_eq(occurrences(text, "{\"seq\":"), rows, "%s", text);
    cr_assert(strstr(text, "{\"end\":true}"));
    text = answer_to(order, "");
    cr_assert_eq(occurrences(text, "\"what\":\"order\""), 1, "%s", text);
    cr_assert_eq(occurrences(text, "\"what\":\"fill\""), 2, "%s", text);
    cr_assert(strstr(answer_to(rfq, "rfq R99\n"), "there is no RFQ R99\",\"code\":\"not_found\""));
    cr_assert(strstr(answer_to(order, "order O99\n"), "there is no order O99\",\"code\":\"not_found\""));
    close(rfq);
    close(order);
    close(other);
}

Test(control_ops_node, who_goes_while_the_store_hangs_leaves_nothing)
{
    int fd = client(), other = client();
    hang_store();
    say(fd, "rfq R77\n");
    for (unsigned i = 0; i < 10000 && !atomic_load(&hung); i++)
        usleep(1000), rig_pass(&rig, 1000000);
    cr_assert(atomic_load(&hung) && thread_named("rfqd:rfq"));
    close(fd);
    cr_assert(strstr(answer_to(other, "status\n"), "{\"end\":true}"));
    sem_post(&let_go);
    for (unsigned i = 0; i < 10000 && thread_named("rfqd:rfq"); i++)
        usleep(1000), rig_pass(&rig, 1000000);
    cr_assert_eq(thread_named("rfqd:rfq"), 0);
    close(other);
}

/* More than one scan takes, of which every other is of another order. */
Test(control_ops_node, an_order_of_the_store_has_all_its_fills_in_their_order)
{
    enum { FILLS = 2000 };
    int fd = client();
    fill_past(FILLS, 1);
    char *text = calloc(1, 1 << 21);
    say(fd, "order O78\n");
    for (unsigned i = 0; i < 10000 && !strstr(text, "{\"end\":true}"); i++) {
        strcat(text, heard(fd));
        usleep(100), rig_pass(&rig, 1000000);
    }
    cr_assert_eq(occurrences(text, "\"what\":\"fill\""), FILLS / 2);
    const char *at = text;
    for (unsigned i = 0; i < FILLS; i += 2) {
        char id[48];
        snprintf(id, sizeof id, "\"what\":\"fill\",\"id\":%u,", 1000 + i);
        at = strstr(at, id);
        cr_assert(at, "%s", id);
    }
    free(text);
    close(fd);
}

static void put_party(const char *table, uint8_t agent, uint64_t id, const void *entity, size_t size)
{
    char key[ENTITY_KEY_SIZE], text[1 + sizeof(struct lp) + sizeof(struct taker)] = {STORE_VALUE_VERSION};
    struct store_marks marks;
    entity_key(key, agent, id);
    memcpy(text + 1, entity, size);
    cr_assert_eq(rig.store->ops->marks(rig.store, &marks), OK);
    cr_assert_eq(rig.store->ops->begin(rig.store), OK);
    cr_assert_eq(rig.store->ops->put(rig.store, table, key, sizeof key, text, 1 + size), OK);
    cr_assert_eq(rig.store->ops->commit(rig.store, &marks), OK);
}

Test(control_ops_node, an_order_of_the_store_names_its_parties)
{
    static char text[1 << 16];
    const struct lp lp = {.id = PAST_LP, .code = "BANK"};
    const struct taker other = {.id = PAST_TAKER + 1, .code = "OTHER"};
    int fd = client();
    fill_past(1, 1);
    put_party("lps", AGENT_DISTRIBUTION, lp.id, &lp, offsetof(struct lp, transient));
    put_party("takers", AGENT_DISTRIBUTION, other.id, &other, offsetof(struct taker, transient));
    say(fd, "order O78\n");
    for (unsigned i = 0; i < 10000 && !strstr(text, "{\"end\":true}"); i++) {
        strcat(text, heard(fd));
        usleep(100), rig_pass(&rig, 1000000);
    }
    cr_assert(strstr(text, "\"lp_name\":\"BANK\""), "%s", text);
    cr_assert_not(strstr(text, "taker_name"), "%s: another's", text);
    cr_assert(strstr(text, "\"id_name\":\"F3E8\""), "%s", text);
    close(fd);
}

static void add_fill(struct routing_state *s, struct order *o, uint64_t id)
{
    struct fill *f = table_insert(s->fills, id);
    f->order = o->id;
    f->next = o->first_fill;
    o->first_fill = table_slot(s->fills, f);
}

/* Of memory; fills that come meanwhile are not of it. */
Test(control_ops_node, an_order_of_memory_is_as_it_was_when_it_was_asked_for)
{
    int fd = client();
    struct routing_state *s = replica_config(node_replica(rig.node))->routing;
    struct order *o = table_insert(s->orders, 500);
    o->first_fill = SLOT_NONE;
    for (uint64_t i = 0; i < 300; i++)
        add_fill(s, o, 1000 + i);
    cr_assert_eq(send(fd, "order O1F4\n", 11, 0), 11);
    rig.now_ns += 1000000;
    ops_poll(ops, rig.now_ns); /* taken */
    rig.now_ns += 1000000;
    ops_poll(ops, rig.now_ns); /* some copied */
    add_fill(s, o, 9000);
    char *text = calloc(1, 1 << 20);
    for (unsigned i = 0; i < 100 && !strstr(text, "{\"end\":true}"); i++) {
        rig.now_ns += 1000000;
        ops_poll(ops, rig.now_ns);
        strcat(text, heard(fd));
    }
    cr_assert_eq(occurrences(text, "\"what\":\"order\""), 1);
    cr_assert_eq(occurrences(text, "\"what\":\"fill\""), 300, "%s", text);
    cr_assert(strstr(text, "\"id\":1000,") < strstr(text, "\"id\":1299,"));
    free(text);
    close(fd);
}

/* Threads
 * ------------------------------------------------------------------------------------------------------- */

Test(control_ops_node, a_thread_is_not_kept_on_the_cpu_of_the_control_core)
{
    cpu_set_t all, own, its;
    unsigned cpu = 0;
    int fd = client();
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&own);
    CPU_SET(cpu, &own);
    fill_store();
    cr_assert_eq(sched_setaffinity(0, sizeof own, &own), 0); /* as the core's thread is */
    say(fd, "dump orders_rfq\n");
    pid_t thread = thread_named("rfqd:dump");
    cr_assert(thread > 0);
    cr_assert_eq(sched_getaffinity(thread, sizeof its, &its), 0);
    cr_assert(CPU_EQUAL(&its, &all));
    close(fd);
}

Test(control_ops_node, a_command_has_one_thread_at_a_time)
{
    int first = client(), second = client();
    fill_store();
    say(first, "dump orders_rfq\n");
    const char *text = answer_to(second, "dump\n");
    cr_assert(strstr(text, "\"code\":\"busy\"") && strstr(text, "another 'dump' is under way"), "%s", text);
    text = answer_to(second, "verify\n");
    cr_assert_not(strstr(text, "busy"), "%s", text);
    close(first);
    for (unsigned i = 0; i < 10000 && thread_named("rfqd:dump"); i++)
        usleep(1000), rig_pass(&rig, 1000000);
    cr_assert_not(strstr(answer_to(second, "dump marks\n"), "busy"));
    close(second);
}
