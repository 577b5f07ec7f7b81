/* rfqbench fanout: events to many WebSocket subscribers at once.
 *
 * A whole rfqd, all its agents on the first CPU, with everybody subscribed to the tenant. An RFQ is asked for
 * and cancelled by HTTP: asking makes several events at once, the cancel one. Now and then eight are asked
 * for at once. Beside it, on the same CPU and in turn, servers that send the same texts when they are told to
 * on a connection of their own: Node with `ws`, libwebsockets, and a bare loop of send(2), the reference.
 * Servers that have no turn are stopped (SIGSTOP).
 *
 * Each server has its own crowd of subscribers, a process on the second CPU that also gives the trigger. What
 * counts is the time from before the trigger's send(2) until the last byte of the event has been received
 * by the last subscriber. rfqd's contains its way from the HTTP request through engine, ring, log and
 * replica. Each member of a crowd got every event, once, whole and in order, or nothing counts.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"
#include "bench/fan_crowd.h"
#include "bench/fan_server.h"
#include "bench/rfq_house.h"
#include "bench/rfq_party.h"
#include "dataplane/core/limits.h"

#define RECEIVERS      10000u
#define RECEIVERS_TINY 20u
#define ROUNDS_TINY    3u
#define ROUNDS_SECOND  8u
#define WARM_UP        2u
#define QUIET_NS       20000000ull  /* nothing came for so long: nothing is on its way */
#define LEARN_NS       500000000ull /* the same, where it is not known how much comes */
#define STALL_NS       20000000000ull
#define BURST          8u /* RFQs at once */
#define BURST_EVERY    8u /* rounds */
#define ANSWER_MAX     4096u
#define TEXT_MAX       (CROWD_EVENT_SIZE + 64u) /* with the numbers of another sequence */

enum command { TURN_WARM = 'w', TURN_COUNTS = 'c', TURN_BURST = 'b' };
enum rival { RIVAL_HOUSE, RIVAL_NODE, RIVAL_LWS, RIVAL_BARE, RIVALS };
static const char *const names[RIVALS] = {"rfqd", "Node ws", "libwebsockets", "bare"};

/* What a crowd tells, in memory that it shares with us. */
struct told {
    enum rival rival;
    /* One event, those of an RFQ, of several, until the last has them; one event until each has it. */
    struct histogram one, all, burst, each;
    struct crowd_event events[CROWD_EVENTS_MAX]; /* of an RFQ, then the one of its cancel: rfqd's */
    unsigned event_count;                        /* of an RFQ */
    char failure[240];
};

struct contest {
    pid_t server, crowd;
    int line; /* to the crowd: an enum command, and a byte for its end */
    struct told *told;
};

struct fanout {
    unsigned receivers;
    struct house house;
    struct fan_server servers[RIVALS];
    struct contest contests[RIVALS];
    const char *lacks[RIVALS]; /* why it is not compared */
};

/* A crowd's process ------------------------------------------------------------------------------------- */

struct caller {
    struct told *told;
    const struct told *house; /* what rfqd's crowd saw: the texts for the others */
    struct crowd crowd;
    const struct house *at; /* RIVAL_HOUSE */
    struct party lp;
    int control[BURST];
    uint64_t seq; /* of the last event that we had sent */
};

static bool wait_for(struct caller *c, unsigned events)
{
    uint64_t since = clock_now_ns();
    unsigned work;
    while (!crowd_has(&c->crowd, events)) {
        if (!crowd_poll(&c->crowd, &work))
            return false;
        if (!work && clock_now_ns() - since > STALL_NS) {
            snprintf(c->crowd.failure, sizeof c->crowd.failure, "%u of %u have it; nothing comes",
                     c->crowd.event_count ? c->crowd.events[0].receivers : 0, c->crowd.count);
            return false;
        }
    }
    return true;
}

/* Nothing more came than was to come. */
static bool is_all(struct caller *c, unsigned events)
{
    return crowd_settle(&c->crowd, QUIET_NS) && c->crowd.event_count == events &&
           crowd_has(&c->crowd, events);
}

/* What the round took. */
static void note(const struct caller *c, enum command command, struct histogram *h)
{
    if (command != TURN_WARM && c->crowd.event_count)
        histogram_record(h, c->crowd.events[c->crowd.event_count - 1].last_ns);
}

/* rfqd: RFQs are asked for and cancelled */

static bool request(struct caller *c, unsigned n, const char *path, const char *body)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "POST %s HTTP/1.1\r\nHost: rfqd\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        path, c->at->token, strlen(body), body);
    return size < (int)sizeof text && bare_tcp_send_all(c->control[n], text, (size_t)size);
}

/* The answer has come before its time: all subscribers have the events. */
static bool answer(struct caller *c, unsigned n, char text[ANSWER_MAX])
{
    size_t used = 0, wanted = 0;
    while (!wanted || used < wanted) {
        ssize_t got = used + 1 < ANSWER_MAX ? recv(c->control[n], text + used, ANSWER_MAX - 1 - used, 0) : 0;
        if (got <= 0)
            return false;
        used += (size_t)got;
        text[used] = 0;
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length: ");
        if (end && length)
            wanted = (size_t)(end - text) + 4 + strtoul(length + 18, NULL, 10);
    }
    if (strncmp(text, "HTTP/1.1 20", 11) == 0)
        return true;
    snprintf(c->crowd.failure, sizeof c->crowd.failure, "rfqd answers %.150s", text);
    return false;
}

static bool lp_message(void *ctx, struct party *p, const struct fix_msg *m)
{
    (void)ctx, (void)p, (void)m;
    return true; /* it lets takers wait */
}

/* So many RFQs at once; their names. The first time it is seen how many events they make. */
static bool ask_for(struct caller *c, unsigned rfqs, char ids[BURST][ID_TEXT_SIZE])
{
    struct told *t = c->told;
    char text[ANSWER_MAX];
    crowd_round(&c->crowd, bench_stamp());
    for (unsigned i = 0; i < rfqs; i++)
        if (!request(
                c, i, "/api/v1/rfqs",
                "{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000000\",\"timeoutMs\":600000}"))
            return false;
    if (!wait_for(c, t->event_count ? rfqs * t->event_count : 1) ||
        !crowd_settle(&c->crowd, t->event_count ? QUIET_NS : LEARN_NS))
        return false;
    if (!t->event_count) {
        memcpy(t->events, c->crowd.events, sizeof t->events);
        t->event_count = c->crowd.event_count;
    }
    for (unsigned i = 0; i < rfqs; i++) {
        if (!answer(c, i, text))
            return false;
        const char *id = strstr(text, "\"id\":\"");
        snprintf(ids[i], ID_TEXT_SIZE, "%.*s", id ? (int)strcspn(id + 6, "\"") : 0, id ? id + 6 : "");
    }
    return is_all(c, rfqs * t->event_count);
}

static bool cancel(struct caller *c, const char *id)
{
    char path[64 + ID_TEXT_SIZE], text[ANSWER_MAX];
    snprintf(path, sizeof path, "/api/v1/rfqs/%s/cancel", id);
    crowd_round(&c->crowd, bench_stamp());
    return request(c, 0, path, "{}") && wait_for(c, 1) && answer(c, 0, text) && is_all(c, 1);
}

static bool ask_and_cancel(struct caller *c, enum command command)
{
    char ids[BURST][ID_TEXT_SIZE];
    struct told *t = c->told;
    if (!party_poll(&c->lp, lp_message, NULL) || !ask_for(c, 1, ids))
        return false;
    note(c, command, &t->all);
    c->crowd.each = command == TURN_WARM ? NULL : &t->each;
    bool right = cancel(c, ids[0]);
    c->crowd.each = NULL;
    note(c, command, &t->one);
    t->events[t->event_count] = c->crowd.events[0];
    if (!right || command != TURN_BURST)
        return right;
    right = ask_for(c, BURST, ids);
    note(c, command, &t->burst);
    for (unsigned i = 0; i < BURST && right; i++)
        right = cancel(c, ids[i]);
    return right;
}

/* A server does not keep connections for long that ask nothing: they are new for each turn. */
static bool house_turn(struct caller *c, enum command command)
{
    unsigned open = 0;
    while (open < BURST && bare_tcp_connect(&c->control[open], &c->at->http_at) == OK)
        open++;
    bool right = open == BURST && ask_and_cancel(c, command);
    while (open > 0)
        close(c->control[--open]);
    return right;
}

/* The others: texts of the same size, numbered anew */

/* The text of an event, as if it were the next of the sequence. */
static size_t make_text(struct caller *c, const struct crowd_event *like, char out[TEXT_MAX])
{
    const char *seq = strstr(like->text, "\"seq\":") + 6, *behind = seq + strspn(seq, "0123456789");
    int size = snprintf(out, TEXT_MAX, "{\"prev\":%llu,%.*s%llu%.*s", (unsigned long long)c->seq,
                        (int)(seq - like->text), like->text, (unsigned long long)c->seq + 1,
                        (int)(like->text + like->size - behind), behind);
    c->seq++;
    return (size_t)size;
}

/* A client's frame, or, where the server knows no WebSocket, the frame that it sends on. */
static size_t make_frame(const struct caller *c, const char *text, size_t size, char *out)
{
    if (c->told->rival != RIVAL_BARE)
        return crowd_frame(out, text, size);
    out[0] = (char)0x81;
    out[1] = 126;
    out[2] = (char)(size >> 8);
    out[3] = (char)size;
    memcpy(out + 4, text, size);
    return size + 4;
}

/* `times` times these events. */
static bool tell(struct caller *c, const struct crowd_event *events, unsigned count, unsigned times)
{
    static char frames[CROWD_EVENTS_MAX * (TEXT_MAX + 14)];
    char text[TEXT_MAX];
    size_t used = 0;
    for (unsigned i = 0; i < count * times; i++)
        used += make_frame(c, text, make_text(c, &events[i % count], text), frames + used);
    crowd_round(&c->crowd, bench_stamp());
    return bare_tcp_send_all(c->control[0], frames, used) && wait_for(c, count * times) &&
           is_all(c, count * times);
}

static bool rival_turn(struct caller *c, enum command command)
{
    const struct told *house = c->house;
    struct told *t = c->told;
    if (!tell(c, house->events, house->event_count, 1))
        return false;
    note(c, command, &t->all);
    c->crowd.each = command == TURN_WARM ? NULL : &t->each;
    bool right = tell(c, &house->events[house->event_count], 1, 1);
    c->crowd.each = NULL;
    note(c, command, &t->one);
    if (!right || command != TURN_BURST)
        return right;
    right = tell(c, house->events, house->event_count, BURST);
    note(c, command, &t->burst);
    return right;
}

/* Its life */

static bool open_house(struct caller *c, unsigned receivers)
{
    const struct crowd_target t = {.at = c->at->http_at,
                                   .path = "/rfq",
                                   .token = c->at->token,
                                   .hello = "{\"op\":\"subscribe:tenant\",\"id\":1}"};
    if (!crowd_open(&c->crowd, &t, receivers))
        return false;
    if (party_logon(&c->lp, "L0", &c->at->at))
        return crowd_settle(&c->crowd, LEARN_NS); /* its session is an event, too */
    snprintf(c->crowd.failure, sizeof c->crowd.failure, "no logon: %s", c->lp.failure);
    return false;
}

static bool open_rival(struct caller *c, const struct fan_server *s, unsigned receivers)
{
    const bool bare = c->told->rival == RIVAL_BARE;
    const struct crowd_target control = {.at = s->at, .path = bare ? NULL : "/control"};
    const struct crowd_target t = {.at = s->at, .path = bare ? NULL : "/"};
    c->control[0] = crowd_connect(&c->crowd, &control);
    return c->control[0] >= 0 && crowd_open(&c->crowd, &t, receivers);
}

static void say(int line, bool right)
{
    const char byte = right ? 'y' : 'n';
    (void)!write(line, &byte, 1);
}

static void crowd_run(struct fanout *f, enum rival rival, int line)
{
    static struct caller c;
    struct told *told = f->contests[rival].told;
    c = (struct caller){.told = told, .house = f->contests[RIVAL_HOUSE].told, .lp = {.fd = -1}};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_pin(1);
    if (rival == RIVAL_HOUSE)
        c.at = &f->house;
    bool right = c.at ? open_house(&c, f->receivers) : open_rival(&c, &f->servers[rival], f->receivers);
    say(line, right);
    char command;
    while (right && read(line, &command, 1) == 1) {
        right = crowd_settle(&c.crowd, QUIET_NS) &&
                (c.at ? house_turn(&c, (enum command)command) : rival_turn(&c, (enum command)command));
        say(line, right);
    }
    if (c.crowd.failure[0] || c.lp.failure[0])
        snprintf(told->failure, sizeof told->failure, "%s",
                 c.crowd.failure[0] ? c.crowd.failure : c.lp.failure);
    if (!right)
        fprintf(stderr, "rfqbench: %s: %s\n", names[rival], told->failure[0] ? told->failure : "no more");
    _exit(0);
}

/* The contest ------------------------------------------------------------------------------------------- */

static bool hear(const struct contest *c)
{
    char byte = 'n';
    return read(c->line, &byte, 1) == 1 && byte == 'y';
}

static bool gather_crowd(struct fanout *f, enum rival rival)
{
    struct contest *c = &f->contests[rival];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    fflush(stdout);
    c->crowd = fork();
    if (c->crowd == 0) {
        close(ends[0]);
        crowd_run(f, rival, ends[1]);
    }
    close(ends[1]);
    c->line = ends[0];
    return c->crowd > 0 && hear(c);
}

/* One turn: the server runs, its crowd has it say something, it stops again. */
static bool turn(struct fanout *f, enum rival rival, enum command command)
{
    struct contest *c = &f->contests[rival];
    const char byte = (char)command;
    bool right = bench_resume(c->server) && write(c->line, &byte, 1) == 1 && hear(c);
    return bench_pause(c->server) && right;
}

static bool begin(struct fanout *f, const struct bench_options *o, enum rival rival)
{
    static const enum fan_kind kinds[RIVALS] = {
        [RIVAL_NODE] = FAN_NODE, [RIVAL_LWS] = FAN_LWS, [RIVAL_BARE] = FAN_BARE};
    struct contest *c = &f->contests[rival];
    if (rival == RIVAL_HOUSE) {
        const struct house_config h = {.lps = 1,
                                       .rate = 100,
                                       .dir = o->dir,
                                       .small = true,
                                       .one_core = true,
                                       .clients = f->receivers + BURST};
        if (!house_start(&f->house, &h))
            return false;
        c->server = f->house.pid;
    } else {
        if (!fan_server_start(&f->servers[rival], kinds[rival], f->receivers))
            return false;
        c->server = f->servers[rival].pid;
    }
    if (!gather_crowd(f, rival) || !bench_pause(c->server))
        return false;
    for (unsigned i = 0; i < WARM_UP; i++)
        if (!turn(f, rival, TURN_WARM))
            return false;
    return true;
}

static void end_crowd(struct contest *c)
{
    if (c->crowd <= 0)
        return;
    kill(c->crowd, SIGKILL);
    close(c->line);
    waitpid(c->crowd, NULL, 0);
}

static bool end_all(struct fanout *f)
{
    bool right = true;
    for (unsigned i = 0; i < RIVALS; i++) {
        end_crowd(&f->contests[i]);
        if (i != RIVAL_HOUSE)
            fan_server_stop(&f->servers[i]);
    }
    if (f->contests[RIVAL_HOUSE].server > 0) {
        kill(f->house.pid, SIGCONT);
        right = house_stop(&f->house);
    }
    return right;
}

static bool contest(struct fanout *f, const struct bench_options *o)
{
    unsigned rounds = o->tiny ? ROUNDS_TINY : ROUNDS_SECOND * o->seconds;
    bool right = true;
    for (unsigned i = 0; i < RIVALS && right; i++)
        if (!f->lacks[i])
            right = begin(f, o, i);
    for (unsigned n = 0; n < rounds && right; n++)
        for (unsigned i = 0; i < RIVALS && right; i++)
            if (!f->lacks[i])
                right = turn(f, i, n % BURST_EVERY ? TURN_COUNTS : TURN_BURST);
    for (unsigned i = 0; i < RIVALS && right; i++) {
        const struct told *t = f->contests[i].told;
        right = f->lacks[i] || (t->one.count == rounds && t->all.count == rounds && t->burst.count > 0 &&
                                t->each.count == (uint64_t)rounds * f->receivers);
    }
    return end_all(f) && right;
}

/* Report ------------------------------------------------------------------------------------------------ */

enum figure { FIGURE_ONE, FIGURE_ALL, FIGURE_BURST, FIGURE_EACH, FIGURES };
static const char *const figures[FIGURES] = {"one event", "an RFQ's events", "the events of eight RFQs",
                                             "one event, to each"};

static const struct histogram *figure_of(const struct fanout *f, enum rival rival, enum figure figure)
{
    const struct told *t = f->contests[rival].told;
    return figure == FIGURE_ONE     ? &t->one
           : figure == FIGURE_ALL   ? &t->all
           : figure == FIGURE_BURST ? &t->burst
                                    : &t->each;
}

static uint64_t median(const struct fanout *f, enum rival rival, enum figure figure)
{
    return histogram_percentile(figure_of(f, rival, figure), 50000);
}

static void report_rows(struct bench_report *out, const struct fanout *f)
{
    char name[96];
    for (unsigned figure = 0; figure < FIGURES; figure++)
        for (unsigned i = 0; i < RIVALS; i++) {
            snprintf(name, sizeof name, "%s: %s", figures[figure], names[i]);
            if (!f->lacks[i])
                bench_report_row(out, name, figure_of(f, i, (enum figure)figure));
        }
}

static void report_ratios(struct bench_report *out, const struct fanout *f)
{
    static const uint64_t times[RIVALS] = {[RIVAL_NODE] = 5, [RIVAL_LWS] = 2};
    char name[128];
    for (unsigned i = RIVAL_NODE; i < RIVALS; i++) {
        if (f->lacks[i]) {
            snprintf(name, sizeof name, "%s is not compared: %s", names[i], f->lacks[i]);
            bench_report_fact(out, name, 0, "rounds", 0);
            continue;
        }
        for (unsigned figure = FIGURE_ONE; figure <= FIGURE_BURST; figure++) {
            uint64_t ours = median(f, RIVAL_HOUSE, (enum figure)figure);
            uint64_t theirs = median(f, i, (enum figure)figure);
            if (times[i]) {
                snprintf(name, sizeof name, "%s: %u x rfqd by %s", figures[figure], (unsigned)times[i],
                         names[i]);
                bench_report_ratio(out, name, times[i] * ours, theirs, 1000);
                snprintf(name, sizeof name, "%s: %s by rfqd", figures[figure], names[i]);
                bench_report_ratio(out, name, theirs, ours, 0);
                /* what one send to each could be faster at most */
                if (figure == FIGURE_ONE && !f->lacks[RIVAL_BARE]) {
                    snprintf(name, sizeof name, "%s: %s by bare", figures[figure], names[i]);
                    bench_report_ratio(out, name, theirs, median(f, RIVAL_BARE, FIGURE_ONE), 0);
                }
            } else {
                snprintf(name, sizeof name, "%s: rfqd by %s", figures[figure], names[i]);
                bench_report_ratio(out, name, ours, theirs, 0);
            }
        }
    }
}

static void report_facts(struct bench_report *out, const struct fanout *f)
{
    const struct told *house = f->contests[RIVAL_HOUSE].told;
    char name[96];
    bench_report_fact(out, "subscribers", f->receivers, "", 0);
    bench_report_fact(out, "events of an RFQ", house->event_count, "", 0);
    bench_report_fact(out, "size of the one event", house->events[house->event_count].size, "bytes", 0);
    for (unsigned i = 0; i < RIVALS; i++) {
        snprintf(name, sizeof name, "one event, a receiver: %s", names[i]);
        if (!f->lacks[i])
            bench_report_fact(out, name, median(f, i, FIGURE_ONE) / f->receivers, "ns", 0);
    }
}

static bool prepare(struct fanout *f, const struct bench_options *o)
{
    static const enum fan_kind asked[] = {FAN_NODE, FAN_LWS};
    f->receivers = o->subscribers ? o->subscribers : o->tiny ? RECEIVERS_TINY : RECEIVERS;
    struct told *told =
        mmap(NULL, RIVALS * sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        return false;
    for (unsigned i = 0; i < RIVALS; i++) {
        f->servers[i].pid = -1;
        f->contests[i].told = &told[i];
        told[i].rival = i;
        histogram_reset(&told[i].one);
        histogram_reset(&told[i].all);
        histogram_reset(&told[i].burst);
        histogram_reset(&told[i].each);
    }
    f->lacks[RIVAL_NODE] = fan_server_lacks(asked[0]);
    f->lacks[RIVAL_LWS] = fan_server_lacks(asked[1]);
    return true;
}

int bench_fanout(const struct bench_options *o)
{
    static struct fanout f;
    struct bench_report out;
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);
    bench_report_begin(&out, o, "fanout",
                       "events to WebSocket subscribers: rfqd, level committed, and others on the same CPU");
    bool right = prepare(&f, o) && contest(&f, o);
    report_rows(&out, &f);
    report_ratios(&out, &f);
    report_facts(&out, &f);
    bench_report_line(&out, line_before_ns, bench_line_round_trip_ns(o->tiny));
    return bench_report_end(&out, right);
}
